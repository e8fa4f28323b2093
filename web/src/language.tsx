/** Texts in two languages. Each page defines its own; the types ensure that both languages have the same keys. */
import { createContext, type ComponentChildren } from "preact"
import { useContext, useEffect, useMemo, useState } from "preact/hooks"

export const LANGUAGES = ["en", "ru"] as const
export type Language = (typeof LANGUAGES)[number]
type Messages = Record<string, string | readonly string[] | ((...values: never[]) => unknown)>
type Same<M extends Messages> = {
  [K in keyof M]: M[K] extends (...values: infer A) => infer R
    ? (...values: A) => R extends string ? string : R
    : M[K] extends readonly string[]
      ? readonly string[]
      : string
}
/** A text in each language. */
export type Texts<M extends Messages> = { en: M; ru: Same<M> }

/** Declare the texts of a page. Read them with `useText`. */
export function texts<M extends Messages>(en: M, ru: Same<M>): Texts<M> {
  return { en, ru }
}

const KEY = "seedling-language"
type Chosen = { language: Language; choose: (language: Language) => void }
const LanguageContext = createContext<Chosen>({ language: "en", choose: () => {} })

/** The language chosen on a previous visit, otherwise the one the service picked from Accept-Language. */
export function firstLanguage(): Language {
  const stored = storage()?.getItem(KEY)
  return LANGUAGES.find(language => language === (stored ?? document.documentElement.lang)) ?? "en"
}

export function LanguageProvider({ children }: { children: ComponentChildren }) {
  const [language, setLanguage] = useState(firstLanguage)
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  const value = useMemo<Chosen>(
    () => ({
      language,
      choose: chosen => {
        storage()?.setItem(KEY, chosen)
        setLanguage(chosen)
      },
    }),
    [language],
  )
  return <LanguageContext.Provider value={value}>{children}</LanguageContext.Provider>
}

export function useLanguage(): Chosen {
  return useContext(LanguageContext)
}

/** The texts of a page in the current language. */
export function useText<M extends Messages>(both: Texts<M>): M {
  return both[useLanguage().language] as M
}

/** `plural("ru", 3, ["картинка", "картинки", "картинок"])`: the plural form for a count (CLDR one, few, many). */
export function plural(
  language: Language,
  count: number,
  forms: readonly [string, string] | readonly [string, string, string],
): string {
  const kind = new Intl.PluralRules(language).select(count)
  if (kind === "one") return forms[0]
  return kind === "few" || forms.length === 2 ? forms[1] : forms[2]
}

/** Number formatting in the current language. */
export function useNumbers(): {
  number: (value: number, digits?: number) => string
  percent: (value: number, digits?: number) => string
} {
  const { language } = useLanguage()
  return useMemo(
    () => ({
      number: (value, digits = 0) =>
        new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(
          value,
        ),
      percent: (value, digits = 0) =>
        new Intl.NumberFormat(language, {
          style: "percent",
          maximumFractionDigits: digits,
          minimumFractionDigits: digits,
        }).format(value),
    }),
    [language],
  )
}

/** localStorage, or undefined if the browser denies access. */
export function storage(): Storage | undefined {
  try {
    return window.localStorage
  } catch {
    return undefined
  }
}
