/**
 * Bundles the client: static/src and static/styles into static/dist.
 *
 *   node static/build.mjs            build once
 *   node static/build.mjs --watch    build again on every change
 */
import { readFile, rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { sharedFragments } from "./fragments.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.join(here, "dist");
const watch = process.argv.includes("--watch");

const entryPoints = ["src/room.ts", "src/site.ts", "styles/todoku.css", "styles/admin.css"].map((entry) => path.join(here, entry));

const options = {
  entryPoints,
  outdir,
  entryNames: "[name]",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022", "safari17.5", "chrome123", "firefox120"],
  minify: !watch,
  sourcemap: "linked",
  metafile: true,
  legalComments: "linked",
  // Apollo Client leaves its developer messages out of production builds; rxjs has classes for browsers that know them.
  conditions: ["production", "es2015"],
  define: { "globalThis.__DEV__": "false", "process.env.NODE_ENV": '"production"' },
  // Served as they are from static/icons.
  external: ["/static/*"],
  plugins: [sharedFragments],
  logLevel: "warning",
};

if (watch) {
  const context = await esbuild.context({ ...options, logLevel: "info" });
  await context.watch();
} else {
  await rm(outdir, { recursive: true, force: true });
  // esbuild has said by then what is wrong, and where.
  const { metafile } = await esbuild.build(options).catch(() => process.exit(1));
  for (const [output, { entryPoint }] of Object.entries(metafile.outputs)) {
    if (entryPoint === undefined || !entryPoints.includes(path.resolve(entryPoint))) continue;
    const sizes = await Promise.all([...firstLoad(metafile, output)].map(async (file) => gzipSync(await readFile(file)).length));
    const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1000;
    console.log(`${path.relative(here, output)}: ${kilobytes.toFixed(1)} kB gzip on first load`);
  }
}

/** What comes with `output` whether it is needed at once or not: itself, and what its imports bring. */
function firstLoad({ outputs }, output, found = new Set()) {
  if (found.has(output)) return found;
  found.add(output);
  for (const { kind, path: imported } of outputs[output]?.imports ?? []) {
    if (kind === "import-statement") firstLoad({ outputs }, imported, found);
  }
  return found;
}
