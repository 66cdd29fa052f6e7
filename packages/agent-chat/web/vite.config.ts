// The build: files with a hash in their names, no inline script, and a limit to what a browser has to load.
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const LIMIT = 200_000;

function weight(): Plugin {
  return {
    name: "page-weight",
    generateBundle(_options, bundle) {
      let total = 0;
      for (const file of Object.values(bundle)) {
        total += gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 }).length;
      }
      if (total > LIMIT) this.error(`The page weighs ${total} bytes gzipped; the limit is ${LIMIT}.`);
      this.info(`The page weighs ${total} bytes gzipped.`);
    },
  };
}

export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/agent_chat/web/dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    target: "es2022",
  },
  plugins: [weight()],
} as Parameters<typeof defineConfig>[0]);
