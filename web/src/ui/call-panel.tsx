/** Shows the API call behind the current page as curl, Python and HTML. */
import { useState } from "preact/hooks"
import { url, type Patch } from "../address"
import { useText } from "../language"
import { common } from "../messages"
import { useShownCall } from "../share/current"
import { CopyButton } from "./copy-button"
import { download } from "./files"
import { Failure } from "./notice"

export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE"
  path: string
  query?: Patch
  body?: unknown
  /** File name to save the response as. Without one, the response is printed. */
  file?: string
  /** Name of the file sent as the body. */
  upload?: string
  /** Name of the field of an HTML form that sends the file. Without one, a script sends it. */
  form?: string
  /** Whether it needs the admin token. */
  admin?: boolean
  headers?: Readonly<Record<string, string>>
  /** Timeout of the Python call, if httpx's five seconds may not be enough. */
  seconds?: number
}
export type Dialect = "curl" | "python" | "html"
const DIALECTS: readonly (readonly [Dialect, string])[] = [
  ["curl", "curl"],
  ["python", "Python"],
  ["html", "HTML"],
]

/** Format a call as curl, Python or HTML. */
export function write(call: Call, dialect: Dialect): string {
  return { curl, python, html }[dialect](call)
}

function curl({ method = "GET", path, query, body, file, upload, admin, headers }: Call): string {
  const parts = ["curl"]
  if (file) parts.push(`-o ${file}`)
  if (method === "PUT" || method === "DELETE") parts.push(`-X ${method}`)
  parts.push(quoted(url(path, query)))
  if (admin) parts.push('-H "Authorization: Bearer $TOKEN"')
  for (const [name, value] of Object.entries(headers ?? {})) parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (upload) parts.push(`--data-binary @${upload}`)
  if (body !== undefined) parts.push(`-d ${quoted(JSON.stringify(body))}`)
  else if (method === "POST" && !upload) parts.push("-X POST")
  return parts.join(" ")
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function python({ method = "GET", path, query, body, file, upload, admin, headers, seconds }: Call): string {
  const given = [JSON.stringify(url(path))]
  const params = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined)
  if (params.length)
    given.push(`params={${params.map(([name, value]) => `"${name}": ${literal(value)}`).join(", ")}}`)
  if (body !== undefined) given.push(`json=${literal(body)}`)
  if (upload) given.push(`content=open(${JSON.stringify(upload)}, "rb").read()`)
  const sent = Object.entries(headers ?? {}).map(
    ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  )
  if (admin) sent.unshift(`"Authorization": f"Bearer {os.environ['TOKEN']}"`) // the variable of the shell command
  if (sent.length) given.push(`headers={${sent.join(", ")}}`)
  if (seconds) given.push(`timeout=${seconds}`)
  return [
    ...(admin ? ["import os", ""] : []),
    "import httpx  # pip install httpx",
    "",
    `response = httpx.${method.toLowerCase()}(${given.join(", ")})`,
    "response.raise_for_status()",
    file
      ? `open(${JSON.stringify(file)}, "wb").write(response.content)`
      : `print(response.${method === "DELETE" ? "status_code" : "json()"})`,
  ].join("\n")
}

/** Format JSON as a Python literal. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`
  if (value !== null && typeof value === "object")
    return `{${Object.entries(value)
      .map(([name, inner]) => `${JSON.stringify(name)}: ${literal(inner)}`)
      .join(", ")}}`
  if (typeof value === "boolean") return value ? "True" : "False"
  return value === null || value === undefined ? "None" : JSON.stringify(value)
}

function html({ method = "GET", path, query, body, file, upload, form, admin, headers }: Call): string {
  const address = url(path, query)
  const attribute = address.replaceAll("&", "&amp;")
  const isPicture = file !== undefined && /\.(png|webp|gif)$/.test(file)
  if (method === "GET" && isPicture && !admin)
    return `<img src="${attribute}" alt="" style="image-rendering: pixelated">`
  if (method === "GET" && file && !admin) return `<a href="${attribute}" download="${file}">${file}</a>`
  if (form)
    return [
      `<form action="${attribute}" method="${method.toLowerCase()}" enctype="multipart/form-data">`,
      `  <input type="file" name="${form}" required>`,
      "  <button>Send</button>",
      "</form>",
    ].join("\n")
  const sent = [
    ...(admin ? ["Authorization: `Bearer ${token}`"] : []),
    ...(body === undefined ? [] : ['"Content-Type": "application/json"']),
    ...Object.entries(headers ?? {}).map(([name, value]) => `${script(name)}: ${script(value)}`),
  ]
  const options = [
    ...(method === "GET" ? [] : [`method: "${method}"`]),
    ...(sent.length ? [`headers: { ${sent.join(", ")} }`] : []),
    ...(body === undefined ? [] : [`body: JSON.stringify(${script(body)})`]),
    ...(upload ? ["body: input.files[0]"] : []),
  ]
  const request = `const response = await fetch(${script(address)}${options.length ? `, { ${options.join(", ")} }` : ""})`
  const [element, shown] = !file
    ? [
        "<pre></pre>",
        `pre.textContent = ${method === "DELETE" ? "response.status" : "JSON.stringify(await response.json(), null, 2)"}`,
      ]
    : isPicture
      ? ['<img alt="" style="image-rendering: pixelated">', "img.src = URL.createObjectURL(await response.blob())"]
      : [`<a download="${file}">${file}</a>`, "a.href = URL.createObjectURL(await response.blob())"]
  const name = /^<(\w+)/.exec(element!)![1]!
  const lines = [
    ...(admin ? ['  const token = prompt("Token")'] : []),
    `  const ${name} = document.querySelector("${name}")`,
    ...(upload
      ? [
          '  const input = document.querySelector("input")',
          "  input.onchange = async () => {",
          `    ${request}`,
          `    ${shown}`,
          "  }",
        ]
      : [`  ${request}`, `  ${shown}`]),
  ]
  return [...(upload ? ['<input type="file">'] : []), element, '<script type="module">', ...lines, "</script>"].join(
    "\n",
  )
}

/** Format JSON for use inside a script element. */
function script(value: unknown): string {
  return JSON.stringify(value).replaceAll("</", "<\\/").replaceAll("<!--", "<\\!--")
}

function nameOf({ path, file }: Call): string {
  return file ?? `${path.slice(1).replaceAll("/", "-")}.json`
}

export function CallPanel({ call }: { call: Call }) {
  const t = useText(common)
  useShownCall(call)
  const [dialect, setDialect] = useState<Dialect>("curl")
  const [error, setError] = useState<Error>()
  const text = write(call, dialect)
  const called = `${call.method ?? "GET"} ${call.path}`
  // JSON endpoints cannot be plain links: when a browser navigates there, the service returns the page.
  const isJson = (call.method ?? "GET") === "GET" && !call.admin && (!call.file || call.file.endsWith(".json"))
  return (
    <section class="call" aria-label={`${t.theSameCall}: ${called}`}>
      <header>
        <h2>
          {t.theSameCall}: <span class="called">{called}</span>
        </h2>
        <div class="chips" role="group" aria-label={`${t.theSameCall}: ${called}`}>
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
          <CopyButton text={text} class="chip" />
          {isJson && (
            <button
              type="button"
              class="chip"
              onClick={() =>
                download(nameOf(call), call.path, { query: call.query ?? {} }).then(
                  () => setError(undefined),
                  setError,
                )
              }
            >
              {t.download}
            </button>
          )}
        </div>
      </header>
      {error && <Failure error={error} />}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </section>
  )
}
