import { defineConfig } from "vitest/config"
import { compress } from "./compress.ts"

export default defineConfig({
  base: "./", // the service can be mounted under any path, which the <base> of index.html gives
  plugins: [compress()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../app/static",
    emptyOutDir: true,
    manifest: true, // read and removed by offline/vite.config.ts
    target: "es2022",
    assetsInlineLimit: 0, // browsers cache files for a year, but a data URI is part of every page
    // One file of what every visit needs, and one of what many pages need: they compress better than several, and are one
    // request. Fewer files also shorten the list of the files that each page needs, which is part of the first one.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "frame", tags: ["$initial"], priority: 1 },
            { name: "shared", minShareCount: 4 },
          ],
        },
      },
    },
    modulePreload: { polyfill: false }, // the polyfill is an inline script, which the Content-Security-Policy forbids
  },
  server: {
    proxy: {
      "^/(generate|plane|discriminate|quiz|interpolate|sharpen|datasets|models|admin|openapi.json|livez|docs)":
        "http://127.0.0.1:8000",
    },
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"] },
})
