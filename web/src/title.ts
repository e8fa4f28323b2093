/** The document title: the item shown, the page, and "Seedling". */
import { useEffect } from "preact/hooks"
import { useLanguage } from "./language"

let page = ""

/** Set the page part of the title. Called by the layout when the page changes. */
export function titlePage(name: string): void {
  page = name
  document.title = `${page} · Seedling`
}

/** Add the item shown, e.g. "digits/4", to the title, so that tabs, bookmarks and history entries can be distinguished. */
export function useTitle(shown: string | undefined): void {
  const { language } = useLanguage()
  useEffect(() => {
    document.title = shown ? `${shown} · ${page} · Seedling` : `${page} · Seedling`
  }, [shown, language])
}
