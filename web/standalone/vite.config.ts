import { defineConfig } from "vite"

/** Builds the script of standalone.html, a single file that the service puts into the document. */
export default defineConfig({
  root: import.meta.dirname,
  build: {
    outDir: "../../app/static/standalone",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    lib: {
      entry: "main.ts",
      formats: ["iife"],
      name: "standalone",
      fileName: () => "standalone.js",
      cssFileName: "standalone",
    },
  },
})
