/** The title of the document: what is shown, its page, and who we are. */
import { useEffect } from "preact/hooks"
import { useLanguage } from "./language"

let page = ""

/** Said by the frame when the page changes; what is shown on it comes by itself. */
export function titlePage(name: string): void {
  page = name
  document.title = `${page} · Seedling`
}

/** Say what a page shows, as "digits/4", so that tabs, bookmarks and the history tell one from another. */
export function useTitle(shown: string | undefined): void {
  const { language } = useLanguage()
  useEffect(() => {
    document.title = shown ? `${shown} · ${page} · Seedling` : `${page} · Seedling`
  }, [shown, language])
}
