import { defineConfig } from "vite"

/** Builds the package @seedling/generator into build/generator. */
export default defineConfig({
  root: import.meta.dirname,
  publicDir: "package",
  build: {
    outDir: "../../build/generator",
    emptyOutDir: true,
    target: "es2022",
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "index.js" },
  },
})
