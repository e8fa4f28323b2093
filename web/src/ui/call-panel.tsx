/** The call that made what is seen, for curl, Python and HTML: so that a page teaches its own use. */
import { useState } from "preact/hooks"
import { url, type Patch } from "../address"
import { useText } from "../language"
import { common } from "../words"

export interface Call {
  method?: "GET" | "POST" | "PUT"
  path: string
  query?: Patch
  body?: unknown
  /** Name of the file to keep the answer in; without one it is printed. */
  file?: string
  /** Name of the file that is sent as the body. */
  upload?: string
  /** Whether it needs the admin token. */
  admin?: boolean
}
export type Dialect = "curl" | "python" | "html"
const DIALECTS: readonly (readonly [Dialect, string])[] = [
  ["curl", "curl"],
  ["python", "Python"],
  ["html", "HTML"],
]

/** A call in one of the dialects. */
export function write(call: Call, dialect: Dialect): string {
  return { curl, python, html }[dialect](call)
}

function curl({ method = "GET", path, query, body, file, upload, admin }: Call): string {
  const parts = ["curl"]
  if (file) parts.push(`-o ${file}`)
  if (method === "PUT") parts.push("-X PUT")
  parts.push(quoted(url(path, query)))
  if (admin) parts.push('-H "Authorization: Bearer $TOKEN"')
  if (upload) parts.push(`--data-binary @${upload}`)
  if (body !== undefined) parts.push(`-d ${quoted(JSON.stringify(body))}`)
  else if (method === "POST" && !upload) parts.push("-X POST")
  return parts.join(" ")
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function python({ method = "GET", path, query, body, file, upload, admin }: Call): string {
  const given = [JSON.stringify(url(path))]
  const params = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined)
  if (params.length)
    given.push(`params={${params.map(([name, value]) => `"${name}": ${literal(value)}`).join(", ")}}`)
  if (body !== undefined) given.push(`json=${literal(body)}`)
  if (upload) given.push(`content=open(${JSON.stringify(upload)}, "rb").read()`)
  if (admin) given.push('headers={"Authorization": f"Bearer {token}"}')
  return [
    "import httpx",
    "",
    `answer = httpx.${method.toLowerCase()}(${given.join(", ")})`,
    "answer.raise_for_status()",
    file ? `open(${JSON.stringify(file)}, "wb").write(answer.content)` : "print(answer.json())",
  ].join("\n")
}

/** JSON as Python writes it. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`
  if (value !== null && typeof value === "object")
    return `{${Object.entries(value)
      .map(([name, inner]) => `${JSON.stringify(name)}: ${literal(inner)}`)
      .join(", ")}}`
  if (typeof value === "boolean") return value ? "True" : "False"
  return value === null || value === undefined ? "None" : JSON.stringify(value)
}

function html({ method = "GET", path, query, body, file, upload }: Call): string {
  const address = url(path, query)
  if (method === "GET" && file && /\.(png|webp)$/.test(file))
    return `<img src="${address.replaceAll("&", "&amp;")}" alt="" style="image-rendering: pixelated">`
  if (method === "GET" && file) return `<a href="${address.replaceAll("&", "&amp;")}" download="${file}">${file}</a>`
  const options = [`method: "${method}"`]
  if (body !== undefined) options.push(`body: ${JSON.stringify(JSON.stringify(body))}`)
  if (upload) options.push("body: input.files[0]")
  const shown = file ? "img.src = URL.createObjectURL(await answer.blob())" : "console.log(await answer.json())"
  return [
    ...(file ? ["<img>"] : []),
    '<script type="module">',
    ...(file ? ['  const img = document.querySelector("img")'] : []),
    `  const answer = await fetch("${address}", { ${options.join(", ")} })`,
    `  ${shown}`,
    "</script>",
  ].join("\n")
}

export function CallPanel({ call }: { call: Call }) {
  const t = useText(common)
  const [dialect, setDialect] = useState<Dialect>("curl")
  const [copied, setCopied] = useState(false)
  const text = write(call, dialect)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  return (
    <section class="call" aria-label={`${t.theSameCall}: ${call.method ?? "GET"} ${call.path}`}>
      <header>
        <h2>{t.theSameCall}</h2>
        <div class="chips" role="group" aria-label={t.theSameCall}>
          {DIALECTS.map(([name, title]) => (
            <button
              key={name}
              type="button"
              class="chip"
              aria-pressed={name === dialect}
              onClick={() => setDialect(name)}
            >
              {title}
            </button>
          ))}
          <button type="button" class="chip" onClick={copy} aria-live="polite">
            {copied ? t.copied : t.copy}
          </button>
        </div>
      </header>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </section>
  )
}
