import { createHash } from "node:crypto"
import { readFileSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { defineConfig, type Manifest } from "vite"

const OUT = join(import.meta.dirname, "../../app/static")
/** Modules that are loaded on demand and that Explore and Interpolate need without the service. */
const WANTED = ["index.html", "pages/interpolate", "explore/studio", "engine/engine.ts", "ui/call-panel"]

/** The files of the modules that are wanted, with all that they import. Vite's manifest does not list workers. */
function files(): string[] {
  const manifest = JSON.parse(readFileSync(join(OUT, ".vite/manifest.json"), "utf8")) as Manifest
  const found = new Set(
    readdirSync(join(OUT, "assets")).flatMap(name =>
      /^(worker|icon)-[^.]+\.\w+$/.test(name) ? [`assets/${name}`] : [],
    ),
  )
  const add = (key: string) => {
    const { file, css = [], assets = [], imports = [] } = manifest[key]!
    if (found.has(file)) return
    for (const name of [file, ...css, ...assets]) found.add(name)
    imports.forEach(add)
  }
  const keys = Object.keys(manifest).filter(key => WANTED.some(part => key.includes(part)))
  keys.forEach(add)
  return [...found].sort()
}

/** A hash of all files of the build, whose names contain hashes of their contents, and of the document. */
function build(): string {
  const names = readdirSync(OUT, { recursive: true, encoding: "utf8" }).sort()
  const parts = [
    ...names,
    readFileSync(join(OUT, "index.html"), "utf8"),
    readFileSync(join(import.meta.dirname, "service-worker.ts"), "utf8"),
  ]
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 16)
}

/** Builds the service worker. Runs after the pages are built, because it lists their files. */
export default defineConfig(() => {
  const define = { FILES: JSON.stringify(files()), BUILD: "" }
  rmSync(join(OUT, ".vite"), { recursive: true })
  return {
    root: import.meta.dirname,
    publicDir: false as const,
    define: { ...define, BUILD: JSON.stringify(build()) },
    build: {
      outDir: OUT,
      emptyOutDir: false,
      target: "es2022",
      lib: { entry: "service-worker.ts", formats: ["es" as const], fileName: () => "service-worker.js" },
    },
  }
})
