import { beforeEach, describe, expect, test } from "vitest"
import { oneOf, numberOf, patched, pathWith, read, url, write } from "../src/address"
import { between, bodyLabel, formatLabel, parseLabel } from "../src/label"
import { plural, rounded } from "../src/language"
import { formatEdits, parseEdits } from "../src/pages/explore/edits"
import { edited } from "../src/pages/explore/latent"
import { write as writeCall, type Call } from "../src/ui/call-panel"

const DIGITS = "0123456789".split("")
const CLOTHES = ["t-shirt", "trouser", "pullover", "dress"]

describe("the query", () => {
  test("starts with the seed, and does not escape commas and colons", () => {
    expect(write({ version: 3, label: "3:0.5,8:0.5", seed: "a b&c" })).toBe(
      "seed=a%20b%26c&label=3:0.5,8:0.5&version=3",
    )
    expect(pathWith("/generate", { seed: undefined, psi: null })).toBe("/generate")
  })

  test("survives a round trip", () => {
    const query = { seed: "Привет & привет", label: "3:0.25,8:0.75", seeds: "0-63,100" }
    expect(read(`?${write(query)}`)).toEqual(query)
  })

  test("is changed by a patch, which also adds and removes parameters", () => {
    expect(patched({ a: "1", b: "2" }, { a: 3, b: null, c: "x", d: undefined })).toEqual({ a: "3", c: "x" })
  })

  test("gives the fallback for numbers out of bounds and for unknown words", () => {
    expect([
      numberOf("1.5", 1, 0, 2),
      numberOf("3", 1, 0, 2),
      numberOf("x", 1),
      numberOf("", 1),
      numberOf(undefined, 1),
    ]).toEqual([1.5, 1, 1, 1, 1])
    expect(oneOf("gif", ["gif", "webp"], "webp")).toBe("gif")
    expect(oneOf("bmp", ["gif", "webp"], "webp")).toBe("webp")
  })
})

describe("a label", () => {
  test("is empty, a class by name or index, or a mixture", () => {
    expect([...parseLabel(undefined, DIGITS)]).toEqual([])
    expect([...parseLabel("7", DIGITS)]).toEqual([[7, 1]])
    expect([...parseLabel("dress", CLOTHES)]).toEqual([[3, 1]])
    expect([...parseLabel("2", CLOTHES)]).toEqual([[2, 1]])
    expect([...parseLabel("t-shirt:0.25,3:0.75", CLOTHES)]).toEqual([
      [0, 0.25],
      [3, 0.75],
    ])
    expect([...parseLabel("no-such:1,99:1", CLOTHES)]).toEqual([])
  })

  test("survives a round trip", () => {
    for (const text of ["7", "3:0.4,8:0.6"]) expect(formatLabel(parseLabel(text, DIGITS), DIGITS)).toBe(text)
    expect(formatLabel(new Map(), DIGITS)).toBeUndefined()
  })

  test("of two classes has weights in hundredths that sum to 1", () => {
    for (let part = 0.01; part < 1; part += 0.01) {
      const [a, b] = [...between(3, 8, part).values()]
      expect(Math.round(a! * 100) + Math.round(b! * 100)).toBe(100)
      expect(String(b).length).toBeLessThanOrEqual(4)
    }
  })

  test("is one weight per class in a request body", () => {
    expect(bodyLabel(parseLabel("1:0.5,2:0.5", CLOTHES), CLOTHES)).toEqual([0, 0.5, 0.5, 0])
    expect(bodyLabel(parseLabel("dress", CLOTHES), CLOTHES)).toBe("dress")
    expect(bodyLabel(new Map(), CLOTHES)).toBeUndefined()
  })
})

describe("edits of a latent", () => {
  test("are parsed, formatted and applied", () => {
    const edits = parseEdits("3:1.5,0:-0.25,nonsense,7:99")
    expect([...edits]).toEqual([
      [3, 1.5],
      [0, -0.25],
    ])
    expect(formatEdits(edits)).toBe("3:1.5,0:-0.25")
    expect(formatEdits(new Map())).toBeNull()
    expect(edited([0.1, 0.2, 0.3], edits)).toEqual([-0.25, 0.2, 0.3])
  })
})

describe("plurals", () => {
  test("follow the rules of each language", () => {
    const forms = ["картинка", "картинки", "картинок"] as const
    expect([1, 2, 5, 11, 21, 112, 1000].map(count => plural("ru", count, forms))).toEqual([
      "картинка",
      "картинки",
      "картинок",
      "картинок",
      "картинка",
      "картинок",
      "картинок",
    ])
    expect([0, 1, 2].map(count => plural("en", count, ["picture", "pictures"]))).toEqual([
      "pictures",
      "picture",
      "pictures",
    ])
  })
})

describe("the API call of a page", () => {
  beforeEach(() => {
    document.head.innerHTML = '<base href="http://localhost:3000/seedling/">'
  })
  const get: Call = {
    path: "/generate",
    query: { seed: "it's", psi: undefined, label: "3:0.5,8:0.5" },
    file: "a.png",
  }
  const post: Call = {
    method: "POST",
    path: "/interpolate",
    body: { keyframes: [1, "a"], loop: true, z: null },
    file: "walk.gif",
  }

  test("includes the path under which the service is mounted", () => {
    expect(url("/generate", { seed: 42 })).toBe("http://localhost:3000/seedling/generate?seed=42")
  })

  test("is shown as a shell command", () => {
    expect(writeCall(get, "curl")).toBe(
      "curl -o a.png 'http://localhost:3000/seedling/generate?seed=it'\\''s&label=3:0.5,8:0.5'",
    )
    expect(writeCall(post, "curl")).toBe(
      `curl -o walk.gif 'http://localhost:3000/seedling/interpolate' -d '{"keyframes":[1,"a"],"loop":true,"z":null}'`,
    )
    expect(writeCall({ method: "PUT", path: "/x", body: { version: 2 }, admin: true }, "curl")).toBe(
      `curl -X PUT 'http://localhost:3000/seedling/x' -H "Authorization: Bearer $TOKEN" -d '{"version":2}'`,
    )
  })

  test("is shown as Python", () => {
    expect(writeCall(post, "python")).toContain('json={"keyframes": [1, "a"], "loop": True, "z": None}')
    expect(writeCall(get, "python")).toContain('params={"seed": "it\'s", "label": "3:0.5,8:0.5"}')
  })

  test("is shown as HTML: an img for a GET request of a picture, otherwise a script", () => {
    expect(writeCall(get, "html")).toBe(
      '<img src="http://localhost:3000/seedling/generate?seed=it\'s&amp;label=3:0.5,8:0.5" alt="" style="image-rendering: pixelated">',
    )
    expect(writeCall(post, "html")).toBe(
      [
        '<img alt="" style="image-rendering: pixelated">',
        '<script type="module">',
        '  const img = document.querySelector("img")',
        '  const response = await fetch("http://localhost:3000/seedling/interpolate", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({"keyframes":[1,"a"],"loop":true,"z":null}) })',
        "  img.src = URL.createObjectURL(await response.blob())",
        "</script>",
      ].join("\n"),
    )
  })

  test("in HTML has a link for a file, a file input for an upload, a prompt for the token, and escapes script tags", () => {
    const npy = writeCall({ ...post, body: { seed: "</script>" }, file: "walk.npy" }, "html")
    expect(npy).toContain('<a download="walk.npy">walk.npy</a>')
    expect(npy.match(/<\/script>/g)).toHaveLength(1)
    const sent = writeCall({ method: "POST", path: "/discriminate", upload: "drawing.png" }, "html")
    expect(sent).toContain('<input type="file">')
    expect(sent).toContain("body: input.files[0]")
    const admin = writeCall(
      { method: "PUT", path: "/x", body: { version: 2 }, admin: true, headers: { "If-Match": "*" } },
      "html",
    )
    expect(admin).toContain(
      'headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "If-Match": "*" }',
    )
    expect(admin).toContain("prompt(")
  })

  test("includes headers in the shell command and in Python", () => {
    const call: Call = { method: "PUT", path: "/x", body: { version: 2 }, admin: true, headers: { "If-Match": "*" } }
    expect(writeCall(call, "curl")).toContain("-H 'If-Match: *'")
    expect(writeCall(call, "python")).toContain(
      `headers={"Authorization": f"Bearer {os.environ['TOKEN']}", "If-Match": "*"}`,
    )
    expect(writeCall(call, "python")).toMatch(/^import os\n\nimport httpx  # pip install httpx\n/)
  })
})

test("numbers are rounded as in model cards, which Python wrote", () => {
  expect(rounded("en", 0.19155, 4)).toBe("0.1915") // the double is a little less
  expect(rounded("en", 0.15625, 4)).toBe("0.1562") // a tie: to even
  expect(rounded("en", 0.21875, 4)).toBe("0.2188")
  expect(rounded("en", 0.5, 2)).toBe("0.50")
  expect(rounded("en", 2016, 0)).toBe("2,016")
  expect(rounded("ru", 1234.5678, 2)).toBe("1\u00a0234,57")
  expect(rounded("en", -0.19155, 4)).toBe("-0.1915")
  expect(rounded("en", Infinity, 2)).toBe("∞")
})
