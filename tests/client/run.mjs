/**
 * Bundles the client's tests as the page's code is bundled, and runs them in Node.js.
 *
 *   node tests/client/run.mjs [words in file names …]
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");
const words = process.argv.slice(2);

const files = (await readdir(here, { recursive: true }))
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (files.length === 0) {
  console.error(`No test files in ${path.relative(root, here)} match: ${words.join(" ")}`);
  process.exit(1);
}

// Inside the project, so that imports of packages are found.
const outdir = await mkdtemp(path.join(root, "node_modules", ".client-tests-"));
try {
  await esbuild.build({
    entryPoints: files.map((file) => path.join(here, file)),
    outdir,
    outbase: here,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node22",
    sourcemap: "inline",
    logLevel: "warning",
  });
  const built = files.map((file) => path.join(outdir, file.replace(/\.ts$/, ".mjs")));
  const { status } = spawnSync(
    process.execPath,
    ["--enable-source-maps", "--conditions=production", "--test", "--test-reporter=spec", ...built],
    { stdio: "inherit" },
  );
  process.exitCode = status ?? 1;
} finally {
  await rm(outdir, { recursive: true, force: true });
}
