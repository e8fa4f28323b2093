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

/**
 * A number with a fixed count of decimals, rounded as in model cards: the double itself, ties to even.
 *
 * Intl alone rounds the shortest decimal of a double, so a page would show 0.1916 and the card 0.1915 for 0.19155, which is stored
 * as 0.19154999… Browsers before 2023 still do.
 */
export function rounded(language: string, value: number, digits: number): string {
  const format = formatOf(language, digits)
  if (Number.isInteger(value) || !Number.isFinite(value)) return format.format(value)
  return format.format(value.toFixed(EXACT) as `${number}`)
}

const formats: Record<string, Intl.NumberFormat> = {}

/** A number format, made once: making one takes much longer than using it, and a page shows hundreds of numbers. */
function formatOf(language: string, digits: number, style: "decimal" | "percent" = "decimal"): Intl.NumberFormat {
  const options = { style, maximumFractionDigits: digits, minimumFractionDigits: digits, roundingMode: "halfEven" }
  return (formats[language + digits + style] ??= new Intl.NumberFormat(language, options as Intl.NumberFormatOptions))
}
/** Decimals beyond which no double of a metric has digits that decide how it is rounded. */
const EXACT = 40

/** Number formatting in the current language. */
export function useNumbers(): {
  number: (value: number, digits?: number) => string
  percent: (value: number, digits?: number) => string
} {
  const { language } = useLanguage()
  return useMemo(
    () => ({
      number: (value, digits = 0) => rounded(language, value, digits),
      percent: (value, digits = 0) => formatOf(language, digits, "percent").format(value),
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
