/**
 * Bundles the drill's pages as the page's own code is bundled, and runs them.
 *
 *   node static/drill/run.mjs --history FILE [--jitter PART]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { sharedFragments } from "../fragments.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = await mkdtemp(path.join(tmpdir(), "todoku-pages-"));
const outfile = path.join(folder, "main.mjs");
try {
  await esbuild.build({
    entryPoints: [path.join(here, "main.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    sourcemap: "inline",
    conditions: ["production"],
    define: { "globalThis.__DEV__": "false", "process.env.NODE_ENV": '"production"' },
    plugins: [sharedFragments],
    logLevel: "warning",
  });
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(outfile).href);
} finally {
  await rm(folder, { recursive: true, force: true });
}
