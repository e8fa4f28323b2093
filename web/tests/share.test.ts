import { beforeEach, describe, expect, test } from "vitest"
import { code, embed, html, markdown, pictureUrl, stillUrl, type Shared } from "../src/share/formats"
import { shortPath } from "../src/share/short"

beforeEach(() => {
  ;(window as unknown as { happyDOM: { setURL: (to: string) => void } }).happyDOM.setURL(
    "https://example.org/seedling/",
  )
  document.head.innerHTML = '<base href="/seedling/">'
})

const picture: Shared = {
  path: "/",
  query: { seed: "42", label: "7" },
  link: "https://example.org/seedling/?label=7",
  title: "Picture of seed 42",
  call: { path: "/generate", query: { seed: "42", label: "7", model: "digits", version: 4 }, file: "42.png" },
}
const film: Shared = {
  path: "/interpolate",
  query: { keyframes: "5,17~3", steps: "8", frame: "3" },
  link: "https://example.org/seedling/interpolate?keyframes=5,17~3&steps=8",
  title: "Interpolate",
  call: { method: "POST", path: "/interpolate", body: { model: "digits", version: "4" }, file: "walk.gif" },
}

describe("the short address", () => {
  test("leaves out what is the default, and only that", () => {
    expect(shortPath("/", { seed: "42", psi: "1", zoom: "64", sliders: "open", model: "digits" }, "digits")).toBe("/")
    expect(shortPath("/", { seed: "42", x: "7", psi: "0.5" })).toBe("/?seed=42&x=7&psi=0.5")
    expect(shortPath("/", { seed: "7", controls: "open" })).toBe("/?seed=7")
    expect(shortPath("/", { seed: "7", controls: "folded" })).toBe("/?seed=7&controls=folded")
    expect(shortPath("/", { seed: "42", controls: "open" })).toBe("/?controls=open") // the front door is folded
    expect(shortPath("/gallery", { view: "wall", seeds: "0-199", sort: "real" })).toBe("/gallery?sort=real")
    expect(shortPath("/gallery", { view: "table", seeds: "0-199" })).toBe("/gallery?seeds=0-199&view=table")
    expect(shortPath("/gallery", { view: "table", seeds: "0-7" })).toBe("/gallery?view=table")
    expect(shortPath("/interpolate", { keyframes: "5,17,99", steps: "16", loop: "false" })).toBe(
      "/interpolate?loop=false",
    )
    expect(shortPath("/breed", { parents: "42,7", from: "9", label: "" })).toBe("/breed?from=9")
    expect(shortPath("/models/digits", {})).toBe("/models/digits")
  })

  test("keeps the model of a version, because the default model may change", () => {
    expect(shortPath("/", { seed: "7", model: "digits", version: "4" }, "digits")).toBe(
      "/?seed=7&model=digits&version=4",
    )
    expect(shortPath("/", { seed: "7", model: "fashion", version: "champion" }, "digits")).toBe(
      "/?seed=7&model=fashion",
    )
  })

  test("does not depend on the order of the parameters, and shortening it again changes nothing", () => {
    const query = { version: "4", psi: "0.5", label: "3:0.5,8:0.5", model: "digits", seed: "7" }
    expect(shortPath("/interpolate", { steps: "8", easing: "ease-in" })).toBe("/interpolate?easing=ease-in&steps=8")
    const short = shortPath("/", query, "digits")
    expect(short).toBe("/?seed=7&label=3:0.5,8:0.5&psi=0.5&model=digits&version=4")
    const again = Object.fromEntries(new URLSearchParams(short.slice(2)))
    expect(shortPath("/", again, "digits")).toBe(short)
  })
})

describe("copying", () => {
  test("a picture as HTML, Markdown, code and a frame names its version", () => {
    const source = "https://example.org/seedling/generate?seed=42&label=7&model=digits&version=4&scale=8"
    expect(pictureUrl(picture)).toBe(source)
    expect(stillUrl(picture)).toBe(source)
    expect(html(picture)).toBe(
      `<a href="${picture.link}"><img src="${source.replaceAll("&", "&amp;")}" alt="Picture of seed 42"></a>`,
    )
    expect(markdown(picture)).toBe(`[![Picture of seed 42](${source})](${picture.link})`)
    expect(code(picture, "curl")).toContain("curl -o 42.png 'https://example.org/seedling/generate?seed=42")
    expect(embed(picture)).toContain(
      'src="https://example.org/seedling/embed?seed=42&amp;label=7&amp;model=digits&amp;version=4" width="448"',
    )
  })

  test("a film has an address, and its PNG is its preview", () => {
    expect(pictureUrl(film)).toBe(
      "https://example.org/seedling/film.webp?keyframes=5,17~3&model=digits&version=4&steps=8",
    )
    expect(stillUrl(film)).toContain("/preview.png?keyframes=5,17~3&model=digits&version=4&page=%2Finterpolate")
    expect(embed(film)).toContain("embed?keyframes=5,17~3&amp;model=digits&amp;version=4&amp;show=film&amp;steps=8")
  })

  test("other pages have a link and their preview", () => {
    const page: Shared = {
      path: "/learn",
      query: {},
      link: "https://example.org/seedling/learn",
      title: "Learn",
      call: undefined,
    }
    expect(pictureUrl(page)).toBe("https://example.org/seedling/preview.png?page=%2Flearn")
    expect([code(page, "curl"), embed(page)]).toEqual([undefined, undefined])
  })

  test("large sheets are enlarged less", () => {
    const sheet = (seeds: string) =>
      pictureUrl({ ...picture, path: "/gallery", call: { path: "/generate", query: { seeds }, file: "sheet.png" } })
    expect(sheet("0-15")).toContain("scale=8")
    expect(sheet("0-199,300")).toContain("scale=2")
    expect(
      embed({ ...picture, call: { path: "/generate", query: { seeds: "0-3" }, file: "sheet.png" } }),
    ).toBeUndefined()
  })

  test("texts cannot get out of an attribute or a Markdown link", () => {
    const hostile: Shared = {
      ...picture,
      title: 'Picture of "><script>](x)',
      link: "https://example.org/?seed=a)b",
      call: { path: "/generate", query: { seed: '"><script>' }, file: "a.png" },
    }
    expect(html(hostile)).toContain('alt="Picture of &quot;>&lt;script>](x)"')
    expect(html(hostile)).not.toContain("<script")
    expect(markdown(hostile)).toContain("\\](x)")
    expect(markdown(hostile)).toMatch(/\(https:\/\/example\.org\/\?seed=a%29b\)$/)
    expect(embed(hostile)).not.toContain("<script")
  })
})
