/**
 * An esbuild plugin: fragments of the generated GraphQL documents, once for all documents.
 *
 * graphql-codegen writes every fragment out in every document that uses it. In the room page's bundle that was 97 kB,
 * more than half of all that is our own.
 */
import { readFile } from "node:fs/promises";

const DOCUMENT = /^export const (\w+) = (\{"kind":"Document".*\}) as unknown as (.*);$/gm;

export const sharedFragments = {
  name: "shared-fragments",
  setup(build) {
    build.onLoad({ filter: /\/generated\/operations\.ts$/ }, async ({ path }) => ({
      contents: shareFragments(await readFile(path, "utf8")),
      loader: "ts",
    }));
  },
};

/** The same module, with each fragment's definition in a constant of its own. */
function shareFragments(source) {
  const fragments = new Map();
  const documents = source.replace(DOCUMENT, (_, name, json, type) => {
    const definitions = JSON.parse(json).definitions.map((definition) => {
      const text = JSON.stringify(definition);
      if (definition.kind !== "FragmentDefinition") return text;
      const constant = `${definition.name.value}Definition`;
      fragments.set(constant, text);
      return constant;
    });
    return `export const ${name} = { kind: "Document", definitions: [${definitions.join()}] } as unknown as ${type};`;
  });
  const constants = [...fragments].map(([constant, text]) => `const ${constant} = ${text};`);
  return `${constants.join("\n")}\n${documents}`;
}
