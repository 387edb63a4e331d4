/**
 * Unpacks Chromium, the shared libraries that it needs and Japanese fonts into the folder named by
 * TMPDIR, and prints the path of the browser's program.
 */
import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

// The package unpacks shared libraries only where it believes to run on Lambda.
process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs22.x";
const { default: chromium } = await import("@sparticuz/chromium");
const program = await chromium.executablePath();

const fonts = path.join(path.dirname(program), "fonts");
const noto = path.dirname(createRequire(import.meta.url).resolve("@expo-google-fonts/noto-sans-jp/package.json"));
await mkdir(fonts, { recursive: true });
for (const weight of ["400Regular", "700Bold"]) {
  const file = `NotoSansJP_${weight}.ttf`;
  await copyFile(path.join(noto, weight, file), path.join(fonts, file));
}
console.log(program);
