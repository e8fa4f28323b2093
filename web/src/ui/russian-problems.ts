/**
 * Errors of the service in Russian. Loaded when a page in Russian shows one.
 *
 * Problem documents carry their values only in the English detail, so a detail is recognized by its code and its sentences. Details
 * that are not listed stay in English, after an introduction in Russian. A test compares the list with the answers of a service.
 */

import { DETAILS, type Rule } from "./russian-details"

/** The introductions of details in English, by status. */
const LEADS: Readonly<Record<number, string>> = {
  400: "Неверный запрос:",
  401: "Неверный токен:",
  403: "Недостаточно прав:",
  404: "Не найдено:",
  409: "Невозможно в текущем состоянии:",
  413: "Слишком большой запрос:",
  429: "Слишком много запросов:",
  500: "Внутренняя ошибка сервиса:",
  501: "Не поддерживается этим сервисом:",
  503: "Сервис недоступен:",
  507: "Не хватает места на диске:",
}

export function leadOf(status: number): string {
  const kind = status in LEADS ? status : status >= 500 ? 500 : [408, 410, 412, 423, 428].includes(status) ? 409 : 400
  return LEADS[kind]!
}

const STATES: readonly Rule[] = [
  [/^(been )?cancelled$/, "отменено"],
  [/^(been )?interrupted$/, "прервано"],
  [/^succeeded$/, "успешно завершено"],
  [/^failed$/, "завершилось ошибкой"],
  [/^queued$/, "в очереди"],
  [/^running$/, "выполняется"],
]

const FAULT =
  /^((?:body|query|path|header|spec|grid)(?:\.[^:]+)?): (.+?)( \((\d+) more in `errors`\))?\.? See \/docs for what is accepted\.$/s
const ALTERNATIVE = "; or: "
/** The messages about a field, mostly those of pydantic. */
const FAULTS: readonly Rule[] = [
  [/^There is no such field$/, "такого поля нет"],
  [/^There is no such parameter$/, "такого параметра нет"],
  [/^There is no such parameter\W+Did you mean (.+)\?$/, "такого параметра нет; возможно, имелся в виду $1"],
  [/^Field required$/, "обязательное поле"],
  [/^Input should be greater than or equal to (\S+)$/, "нужно значение не меньше $1"],
  [/^Input should be less than or equal to (\S+)$/, "нужно значение не больше $1"],
  [/^Input should be greater than (\S+)$/, "нужно значение больше $1"],
  [/^Input should be less than (\S+)$/, "нужно значение меньше $1"],
  [/^Input should be a valid integer\b.*$/, "нужно целое число"],
  [/^Input should be a (?:valid|finite) number\b.*$/, "нужно число"],
  [/^Input should be a valid boolean\b.*$/, "нужно true или false"],
  [/^Input should be a valid string$/, "нужна строка"],
  [/^Input should be a valid (?:list|tuple)$/, "нужен список"],
  [/^Input should be ('.+?') or ('[^']+')$/, "допустимые значения: $1 и $2"],
  [/^Input should be ('[^']+')$/, "допустимое значение: $1"],
  [
    /^String should match pattern '\^\[a-z0-9\]\[a-z0-9_-\]\{0,63\}\$'$/,
    "нужно имя из строчных латинских букв, цифр и знаков - и _, не длиннее 64 знаков; первым стоит буква или цифра",
  ],
  [/^String should match pattern '\^\[0-9a-f\]\{12\}\$'$/, "нужен идентификатор из 12 шестнадцатеричных цифр"],
  [/^String should match pattern '(.+)'$/, "значение не соответствует шаблону $1"],
  [/^String should have at most (\d+) characters?$/, "наибольшая длина в знаках: $1"],
  [/^String should have at least (\d+) characters?$/, "наименьшая длина в знаках: $1"],
  [
    /^Value error, '?(.+?)'? is the name of a published dataset\. Choose another one\.?$/,
    "$1 — имя опубликованного набора; выберите другое",
  ],
  [
    /^Value error, '?(.+?)'? must be a list of different values that are valid for this field of the spec$/,
    "перечислите для $1 разные значения, допустимые для этого поля",
  ],
  [
    /^'?(.+?)'? must be a list of different values that are valid for this field of the spec$/,
    "перечислите для $1 разные значения, допустимые для этого поля",
  ],
]

function applied(text: string, rules: readonly Rule[]): string | undefined {
  for (const [pattern, russian] of rules) if (pattern.test(text)) return text.replace(pattern, russian)
  return undefined
}

/** Translate the names of states, which stand in braces. */
function withStates(text: string): string {
  return text.replace(/\{(\w+)\}/g, (_, state: string) => applied(state, STATES) ?? state)
}

/** The detail of a problem in Russian. Undefined if it is not listed. */
export function inRussian(code: string, detail: string): string | undefined {
  const found = applied(detail, DETAILS[code] ?? [])
  if (found !== undefined) return code === "job_conflict" ? withStates(found) : found
  const [, field, message, more, count] = FAULT.exec(detail) ?? []
  if (code !== "invalid_request" || field === undefined || message === undefined) return undefined
  const parts = message.split(ALTERNATIVE).map(part => applied(part.replace(/\.$/, ""), FAULTS))
  if (!parts.every(part => part !== undefined)) return undefined
  return `${field}: ${parts.join("; или ")}${more ? ` (ещё ошибок: ${count})` : ""}. Что допустимо, сказано в /docs.`
}
