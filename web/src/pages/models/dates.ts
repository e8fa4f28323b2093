/** Dates and durations in the current language. */
import { useMemo } from "preact/hooks"
import { useLanguage, type Language } from "../../language"

const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const

/** `duration("en", 3544)` is "59 min 4 sec": the two largest units. */
export function duration(language: Language, seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  const first = UNITS.findIndex(([, size]) => rest >= size)
  const parts = UNITS.slice(first < 0 ? 3 : first).slice(0, 2)
  return parts
    .map(([unit, size]) => {
      const count = Math.floor(rest / size)
      rest -= count * size
      return { unit, count }
    })
    .filter(({ count }, index) => count > 0 || index === 0)
    .map(({ unit, count }) =>
      new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(count),
    )
    .join(" ")
}

export function useDates(): {
  date: (iso: string) => string
  dateTime: (iso: string) => string
  duration: (seconds: number) => string
} {
  const { language } = useLanguage()
  return useMemo(
    () => ({
      date: iso => new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(iso)),
      dateTime: iso =>
        new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso)),
      duration: seconds => duration(language, seconds),
    }),
    [language],
  )
}
