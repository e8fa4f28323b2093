import { DetailedError } from "tus-js-client"
import { expect, test } from "vitest"
import { CallError } from "../src/api/client"
import { fromDrop, fromInput, suggestedName } from "../src/datasets/chosen"
import { presetFor, trainingLink } from "../src/datasets/datasets"
import { pack } from "../src/datasets/packing"
import { errorOf } from "../src/datasets/upload"
import { bodyOf, settingsOf } from "../src/pages/datasets/settings"

const MODIFIED = { lastModified: Date.UTC(2026, 0, 2) }

function file(path: string, content = path): File {
  const made = new File([content], path.slice(path.lastIndexOf("/") + 1), MODIFIED)
  return Object.defineProperty(made, "webkitRelativePath", { value: path.includes("/") ? path : "" })
}

/** An entry as browsers give it for a dropped file or folder. Folders return their content in batches of two. */
function entry(name: string, inner?: readonly object[]): DataTransferItem {
  const made = inner
    ? {
        name,
        isFile: false,
        isDirectory: true,
        createReader: () => {
          const rest = [...inner]
          return { readEntries: (found: (batch: object[]) => void) => found(rest.splice(0, 2)) }
        },
      }
    : { name, isFile: true, isDirectory: false, file: (found: (f: File) => void) => found(file(name)) }
  return { kind: "file", webkitGetAsEntry: () => made, getAsFile: () => null } as unknown as DataTransferItem
}
const inside = (name: string, inner?: readonly object[]) => entry(name, inner).webkitGetAsEntry()!
const paths = (chosen: Awaited<ReturnType<typeof fromDrop>>) => chosen?.files.map(({ path }) => path)

test("a chosen folder keeps its subfolders and loses its own name", () => {
  const chosen = fromInput([file("shapes/ring/1.png"), file("shapes/bar/1.png")])
  expect(chosen).toMatchObject({ name: "shapes", isWhole: false })
  expect(paths(chosen)).toEqual(["ring/1.png", "bar/1.png"])
})

test("a single archive or table is uploaded as it is, but pictures are packed", () => {
  expect(fromInput([file("shapes.zip")])).toMatchObject({ name: "shapes.zip", isWhole: true })
  expect(fromInput([file("a.png")])).toMatchObject({ name: "pictures", isWhole: false })
  expect(fromInput([file("a.npy"), file("b.npy")])).toMatchObject({ isWhole: false })
  expect(fromInput([file("shapes/data.csv")])).toMatchObject({ name: "shapes", isWhole: false })
  expect(fromInput([])).toBeUndefined()
})

test("a dropped folder is read completely, although browsers return its content in batches", async () => {
  const folder = entry("shapes", [
    inside("ring", [inside("1.png"), inside("2.png"), inside("3.png")]),
    inside("bar", [inside("deep", [inside("1.png")])]),
    inside("notes.txt"),
  ])
  const chosen = await fromDrop([folder])
  expect(chosen).toMatchObject({ name: "shapes", isWhole: false })
  expect(paths(chosen)).toEqual(["ring/1.png", "ring/2.png", "ring/3.png", "bar/deep/1.png", "notes.txt"])
})

test("several dropped folders keep their names, because they are the classes", async () => {
  const chosen = await fromDrop([entry("ring", [inside("1.png")]), entry("bar", [inside("1.png")])])
  expect(chosen?.name).toBe("pictures")
  expect(paths(chosen)).toEqual(["ring/1.png", "bar/1.png"])
  expect(await fromDrop([entry("shapes.zip")])).toMatchObject({ name: "shapes.zip", isWhole: true })
  expect(await fromDrop([{ kind: "string" } as DataTransferItem])).toBeUndefined()
})

test("the suggested name is valid", () => {
  expect(suggestedName("My Pictures.zip")).toBe("my-pictures")
  expect(suggestedName("Étoiles (2).csv.gz")).toBe("etoiles-2")
  expect(suggestedName("_x_")).toBe("x_")
  expect(suggestedName("картинки")).toBe("mine")
  expect(suggestedName("a".repeat(100))).toHaveLength(64)
})

test("the same files are packed into the same bytes in any order, so that an upload can be continued", async () => {
  const files = ["b/2.png", "a/1.png", "a.txt"].map(path => ({ path, file: file(path) }))
  const done: number[] = []
  const first = await pack(files, count => done.push(count))
  const second = await pack(files.toReversed())
  const bytes = new Uint8Array(await first.arrayBuffer())
  expect(new Uint8Array(await second.arrayBuffer())).toEqual(bytes)
  const text = new TextDecoder("latin1").decode(bytes)
  expect(text.slice(0, 4)).toBe("PK\x03\x04")
  expect(
    ["a.txt", "a/1.png", "b/2.png"].map(path => text.indexOf(path)).every((at, n, all) => at > (all[n - 1] ?? 0)),
  ).toBe(true)
  expect(done).toEqual([0, 1, 2, 3])
})

test("packing stops when it is cancelled", async () => {
  const controller = new AbortController()
  const files = ["1.png", "2.png"].map(path => ({ path, file: file(path) }))
  await expect(pack(files, () => controller.abort(), controller.signal)).rejects.toThrow()
})

test("the preset suits the size of the dataset", () => {
  expect(presetFor({ counts: { train: 2000, test: 300 } })).toBe("few")
  expect(presetFor({ counts: { train: 2001, test: 300 } })).toBe("quick")
  expect(trainingLink({ reference: "mine@0123456789ab", counts: { train: 26 } })).toBe(
    "/train?dataset=mine%400123456789ab&preset=few#start",
  )
})

test("settings are parsed from the URL, and the request leaves out defaults", () => {
  const upload = "0".repeat(32)
  expect(bodyOf(settingsOf(upload, {}))).toEqual({ upload })
  expect(bodyOf(settingsOf(upload, { fit: "stretch", invert: "maybe", test_share: "2" }))).toEqual({ upload })
  const query = { fit: "mnist", invert: "no", skip_broken: "true", test_share: "0.25" }
  expect(bodyOf(settingsOf(upload, query))).toEqual({
    upload,
    fit: "mnist",
    invert: "no",
    skip_broken: true,
    test_share: 0.25,
  })
})

test("an error of an upload has the message of the service", () => {
  const answer = (status: number, body: string) => ({ getStatus: () => status, getBody: () => body })
  const failed = (response: unknown) =>
    errorOf(Object.assign(new DetailedError("tus: failed"), { originalResponse: response }))
  expect(failed(answer(413, '{"code": "body_too_large", "detail": "Split it."}'))).toEqual(
    new CallError(413, "body_too_large", "Split it."),
  )
  expect(failed(answer(502, "<h1>Bad gateway</h1>"))).toMatchObject({ status: 502, code: "http_error" })
  expect(failed(null)).toMatchObject({ status: 0, code: "unreachable" })
})
