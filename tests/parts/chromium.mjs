/**
 * Unpacks Chromium, the shared libraries that it needs, and fonts for Japanese and emoji into the folder named by
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
await mkdir(fonts, { recursive: true });
for (const [name, ...files] of [
  ["noto-sans-jp", "400Regular/NotoSansJP_400Regular.ttf", "700Bold/NotoSansJP_700Bold.ttf"],
  ["noto-color-emoji", "400Regular/NotoColorEmoji_400Regular.ttf"],
]) {
  const folder = path.dirname(createRequire(import.meta.url).resolve(`@expo-google-fonts/${name}/package.json`));
  for (const file of files) await copyFile(path.join(folder, file), path.join(fonts, path.basename(file)));
}
console.log(program);
