import { defineConfig } from "vitest/config"
import { compress } from "./compress.ts"

export default defineConfig({
  base: "./", // the service may be mounted under any path; index.html's <base> says where
  plugins: [compress()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../app/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // a file may be kept for a year, a data URI comes with every page
    modulePreload: { polyfill: false }, // it would be inline script, which the Content-Security-Policy forbids
  },
  server: {
    proxy: {
      "^/(generate|plane|discriminate|quiz|interpolate|models|admin|openapi.json|livez|docs)":
        "http://127.0.0.1:8000",
    },
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"] },
})
