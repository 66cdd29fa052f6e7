// The build: the extension, the script that boots the page in a webview, and the page's own bundle beside them.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const PAGE = "../../packages/agent-chat/src/agent_chat/web/dist";
if (!existsSync(`${PAGE}/index.html`)) throw new Error("The page is not built: `uv run nox -s web`.");
rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");

const common = { bundle: true, minify: true, legalComments: "none", logLevel: "warning", charset: "utf8" };
await build({ ...common, entryPoints: ["src/extension.ts"], outfile: "dist/extension.js", platform: "node", format: "cjs", target: "node22", external: ["vscode"] });
await build({ ...common, entryPoints: ["src/webview/boot.ts"], outfile: "dist/boot.js", platform: "browser", format: "iife", target: "es2022" });

cpSync(`${PAGE}/assets`, "dist/page/assets", { recursive: true });
const page = readFileSync(`${PAGE}/index.html`, "utf8");
const script = /<script [^>]*src="\.\/(assets\/[^"]+\.js)"/.exec(page)?.[1];
const style = /<link [^>]*href="\.\/(assets\/[^"]+\.css)"/.exec(page)?.[1];
if (!script || !style) throw new Error("The page's index.html names no script and style of its own.");
writeFileSync("dist/page/page.json", JSON.stringify({ script, style }));
