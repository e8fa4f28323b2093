/** The share menu: the short address of what the page shows, and the same as a picture, code for other pages, or a call. */
import { useState } from "preact/hooks"
import { mount, url, useAddress, type Query } from "../address"
import { texts, useText } from "../language"
import { defaultModel, useModels } from "../models"
import { CopyButton } from "../ui/copy-button"
import type { Call } from "../ui/call-panel"
import { keep } from "../ui/files"
import { Failure } from "../ui/notice"
import { shownCall } from "./current"
import { useExploreCall } from "./explore-call"
import { code, embed, html, markdown, stillUrl, type Shared } from "./formats"
import { shortPath } from "./short"

const messages = texts(
  {
    link: "Link",
    preview: "What a chat shows for this link",
    pin: (name: string) => `Keep version ${name}, also after a promotion`,
    copyAs: "Copy as",
    picture: "Picture",
    pictureCopied: "Copied",
    pictureSaved: "Saved as a file",
    html: "HTML",
    markdown: "Markdown",
    embed: "Embed",
    curl: "curl",
    python: "Python",
    hint: "Pictures and code name the version, so they never change.",
    embedHint: "“Embed” is a frame for other sites.",
    send: "Send…",
  },
  {
    link: "Ссылка",
    preview: "Что покажет мессенджер по этой ссылке",
    pin: name => `Закрепить версию ${name}, даже если сменится чемпион`,
    copyAs: "Скопировать как",
    picture: "Картинка",
    pictureCopied: "Скопировано",
    pictureSaved: "Сохранено в файл",
    html: "HTML",
    markdown: "Markdown",
    embed: "Вставка",
    curl: "curl",
    python: "Python",
    hint: "В картинках и коде указана версия, поэтому они никогда не изменятся.",
    embedHint: "«Вставка» — фрейм для других сайтов.",
    send: "Отправить…",
  },
)
const SITE = " · Seedling"

/** The version that the call of the page names, if it names one. */
function named(shared: Shared): { model: string; version: string } | undefined {
  const { model, version } = (shared.call?.body ?? shared.call?.query ?? {}) as Record<string, unknown>
  return model !== undefined && version !== undefined ? { model: String(model), version: String(version) } : undefined
}

export default function ShareMenu() {
  const path = location.pathname.slice(mount().length) || "/"
  const [query] = useAddress()
  const call = shownCall()
  // Explore shows its call only in its controls, which are folded on the front page.
  return call === undefined && (path === "/" || path === "/explore") ? (
    <ExploreMenu path={path} query={query} />
  ) : (
    <Menu path={path} query={query} call={call} />
  )
}

interface MenuProps {
  path: string
  query: Query
  /** The call of the page, if it has one. */
  call: Call | undefined
}

function ExploreMenu({ path, query }: Omit<MenuProps, "call">) {
  return <Menu path={path} query={query} call={useExploreCall(query)} />
}

function Menu({ path, query, call }: MenuProps) {
  const t = useText(messages)
  const { list } = useModels()
  const [isPinned, setPinned] = useState(query.version !== undefined)
  const base = { path, query, link: "", title: document.title.replace(SITE, ""), call }
  const version = named(base)
  const { version: _, ...loose } = query
  const shown = version && isPinned ? { ...query, ...version } : version ? loose : query
  const link = url(shortPath(path, shown, defaultModel(list, path === "/sharpen" ? "sharpen" : "generate")?.name))
  const shared: Shared = { ...base, link }
  const inFrame = embed(shared)
  const [curl, python] = [code(shared, "curl"), code(shared, "python")]
  return (
    <>
      <label class="field">
        <span>{t.link}</span>
        <input type="text" readOnly value={link} onFocus={event => event.currentTarget.select()} />
      </label>
      {version && (
        <label class="toggle">
          <input type="checkbox" checked={isPinned} onChange={event => setPinned(event.currentTarget.checked)} />
          <span>{t.pin(`${version.model}/${version.version}`)}</span>
        </label>
      )}
      <div role="group" aria-label={t.copyAs}>
        <h3>{t.copyAs}</h3>
        <div class="chips">
          <CopyButton text={link} label={t.link} class="primary" />
          <PictureButton shared={shared} />
          <CopyButton text={html(shared)} label={t.html} />
          <CopyButton text={markdown(shared)} label={t.markdown} />
          {inFrame && <CopyButton text={inFrame} label={t.embed} />}
          {curl && <CopyButton text={curl} label={t.curl} />}
          {python && <CopyButton text={python} label={t.python} />}
          {"share" in navigator && (
            <button
              type="button"
              onClick={() => void navigator.share({ title: shared.title, url: link }).catch(() => {})} // cancelled
            >
              {t.send}
            </button>
          )}
        </div>
        <p class="hint">
          {call && t.hint} {inFrame && t.embedHint}
        </p>
      </div>
      <figure>
        <img class="preview" src={url("/preview.png", { page: path, ...shown })} width={1200} height={630} alt="" />
        <figcaption class="hint">{t.preview}</figcaption>
      </figure>
    </>
  )
}

/** Copies the picture. Browsers without a clipboard for pictures save it as a file. */
function PictureButton({ shared }: { shared: Shared }) {
  const t = useText(messages)
  const [done, setDone] = useState<"pictureCopied" | "pictureSaved">()
  const [error, setError] = useState<Error>()
  const copy = async () => {
    setError(undefined)
    const picture = fetch(stillUrl(shared)).then(async response => {
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
      return response.blob()
    })
    picture.catch(() => {}) // reported below
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })])
      setDone("pictureCopied")
    } catch {
      try {
        keep("seedling.png", await picture)
        setDone("pictureSaved")
      } catch (reason) {
        setError(reason as Error)
      }
    }
    setTimeout(() => setDone(undefined), 1500)
  }
  return (
    <>
      <button type="button" aria-live="polite" onClick={() => void copy()}>
        {done ? t[done] : t.picture}
      </button>
      {error && <Failure error={error} retry={() => void copy()} />}
    </>
  )
}
