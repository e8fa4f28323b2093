/** The champion history of a model as a timeline, with a button to roll back to each version. */
import { type ComponentChildren } from "preact"
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { Link } from "wouter-preact"
import { pathWith } from "../../address"
import { CallError, callJson } from "../../api/client"
import { texts, useNumbers, useText } from "../../language"
import { type Model } from "../../models"
import { Failure, Loading } from "../../ui/notice"
import { useToken } from "../train/token"
import { usePromotion } from "../train/use-promotion"
import { useDates } from "./dates"
import { useFigureNames } from "./figure-names"
import { beginningOf, reignsOf, type History, type Promotion, type Reign } from "./history"
import { messages as modelMessages } from "./messages"
import "./champion-history.css"

const messages = texts(
  {
    title: "Champion history",
    hint: "Newest first. The bars show when each version was champion, from the first known time to now.",
    insteadOf: (name: string) => `instead of ${name}`,
    range: (from: string, to: string) => `${from} to ${to}`,
    since: (from: string) => `since ${from}`,
    from: (from: string) => `from ${from}, end unknown`,
    unknownTime: "time unknown: before the history was recorded, or changed by hand",
    byJob: "by the gate of job",
    byToken: (name: string) => `by ${name}`,
    byAdministrator: "by an administrator",
    command: "on the command line",
    shipped: "shipped with the release",
    restored: "restored after the aliases were lost",
    unknown: "promoted by: unknown",
    reason: "Reason:",
    figure: (title: string, value: string) => `${title} ${value}`,
    against: (title: string, value: string, before: string, name: string) =>
      `${title} ${value} against ${before} of ${name}`,
    byGate: "measured by the gate on the same seeds",
    byCards: "from both model cards",
    summed: "Fréchet distance, summed over the tests,",
    deleted: "deleted",
    rollBack: (name: string) => `Roll back to ${name}`,
    all: (count: number) => `Show all ${count} promotions`,
    signIn: "To roll back, enter the admin token on the page",
    train: "Train",
    done: (name: string) => `The champion is ${name}.`,
  },
  {
    title: "История чемпионов",
    hint: "Сначала новые. Полосы показывают, когда версия была чемпионом: от первого известного момента до настоящего.",
    insteadOf: name => `вместо ${name}`,
    range: (from, to) => `${from} — ${to}`,
    since: from => `с ${from}`,
    from: from => `с ${from}, окончание неизвестно`,
    unknownTime: "время неизвестно: до начала записи истории или изменено вручную",
    byJob: "по итогам отбора, задание",
    byToken: name => `сделал чемпионом ${name}`,
    byAdministrator: "сделал чемпионом администратор",
    command: "из командной строки",
    shipped: "поставляется с выпуском",
    restored: "восстановлена после потери псевдонимов",
    unknown: "кто это сделал, неизвестно",
    reason: "Причина:",
    figure: (title, value) => `${title}: ${value}`,
    against: (title, value, before, name) => `${title}: ${value} против ${before} у ${name}`,
    byGate: "измерено при отборе на одних и тех же зёрнах",
    byCards: "из карточек обеих версий",
    summed: "Расстояние Фреше, сумма по испытаниям",
    deleted: "удалена",
    rollBack: name => `Откатиться к ${name}`,
    all: count => `Показать все смены чемпиона: ${count}`,
    signIn: "Чтобы откатиться, введите токен администратора на странице",
    train: "«Обучение»",
    done: name => `Сейчас чемпион — ${name}.`,
  },
)
const FIRST = 8

export function ChampionHistory({ model }: { model: Model }) {
  const t = useText(messages)
  const { token } = useToken()
  const [all, setAll] = useState(false)
  const title = useRef<HTMLHeadingElement>(null)
  const { found, now, error, load } = useHistory(model, token)
  // The pressed button disappears, because its version is now champion.
  const done = useCallback(() => title.current?.focus(), [])
  const promotion = usePromotion(model.name, token, done)
  const { served } = promotion
  useEffect(load, [load, served])
  const reigns = found ? reignsOf(found.promotions, now) : []
  const shown = all ? reigns : reigns.slice(0, FIRST)
  return (
    <section class="panel stack champions" aria-labelledby="champion-history">
      <div>
        <h2 id="champion-history" ref={title} tabIndex={-1}>
          {t.title}
        </h2>
        <p class="hint">{t.hint}</p>
        <p role="status" class={served ? "" : "visually-hidden"}>
          {served && t.done(`${model.name}/${served.version}`)}
        </p>
      </div>
      {promotion.error && <Failure error={promotion.error} />}
      {error ? <Failure error={error} retry={load} /> : !found && <Loading />}
      {found && (
        <>
          <ol class="reigns">
            {shown.map(reign => (
              <li key={`${reign.promotion.version} ${reign.promotion.time ?? reigns.indexOf(reign)}`}>
                <Row model={model.name} reign={reign}>
                  {token && reign.isNewest && !reign.isChampion && reign.promotion.url && (
                    <button type="button" onClick={() => void promotion.confirm(reign.promotion.version)}>
                      {t.rollBack(`${model.name}/${reign.promotion.version}`)}
                    </button>
                  )}
                </Row>
              </li>
            ))}
          </ol>
          <Scale promotions={found.promotions} now={now} />
          {shown.length < reigns.length && (
            <div>
              <button type="button" onClick={() => setAll(true)}>
                {t.all(reigns.length)}
              </button>
            </div>
          )}
          {!token && reigns.length > 1 && (
            <p class="hint">
              {t.signIn} <Link href={pathWith("/train", { model: model.name })}>{t.train}</Link>.
            </p>
          )}
        </>
      )}
      {promotion.dialog}
    </section>
  )
}

function Row({ model, reign, children }: { model: string; reign: Reign; children: ComponentChildren }) {
  const t = useText(messages)
  const m = useText(modelMessages)
  const { dateTime, duration } = useDates()
  const { promotion, span, seconds, isChampion } = reign
  const { version, instead_of: before, time, until, url } = promotion
  const name = `${model}/${version}`
  return (
    <>
      <div class="titled">
        <p>
          {url ? <Link href={`/models/${model}/versions/${version}`}>{name}</Link> : name}
          {isChampion && <small class="badge strong">{m.champion}</small>}
          {!url && <small class="badge">{t.deleted}</small>}
          {before !== null && <span class="hint"> {t.insteadOf(`${model}/${before}`)}</span>}
        </p>
        {children}
      </div>
      <div class="track" aria-hidden="true">
        <span
          class={`${isChampion ? "now" : ""} ${span ? "" : "unknown"}`}
          style={span && { left: `min(${100 * span.start}%, calc(100% - 3px))`, width: `${100 * span.width}%` }}
        />
      </div>
      <p>
        {time === null ? (
          t.unknownTime
        ) : (
          <time dateTime={time}>
            {isChampion
              ? t.since(dateTime(time))
              : until === null
                ? t.from(dateTime(time))
                : t.range(dateTime(time), dateTime(until))}
          </time>
        )}
        {seconds !== undefined && <> ({duration(seconds)})</>}
        {!(time === null && promotion.how === "unknown") && (
          <>
            , <By promotion={promotion} />
          </>
        )}
      </p>
      <Figures model={model} promotion={promotion} />
      {promotion.reason && (
        <p class="hint">
          {t.reason} <q lang={promotion.how === "job" ? "en" : undefined}>{promotion.reason}</q>
        </p>
      )}
    </>
  )
}

function By({ promotion: { how, by, job } }: { promotion: Promotion }) {
  const t = useText(messages)
  if (how === "job" && job)
    return (
      <>
        {t.byJob}{" "}
        <Link href={pathWith("/train", { job })}>
          <code>{job}</code>
        </Link>
      </>
    )
  if (how === "request") return <>{by ? t.byToken(by) : t.byAdministrator}</>
  return <>{how === "job" ? t.unknown : t[how]}</>
}

function Figures({ model, promotion }: { model: string; promotion: Promotion }) {
  const t = useText(messages)
  const named = useFigureNames()
  const { number } = useNumbers()
  const { comparison, instead_of: before } = promotion
  if (!comparison) return null
  const title = comparison.figure === "fid_sum" ? t.summed : named(comparison.figure).title
  const value = number(comparison.value, 4)
  if (comparison.before === null || before === null) return <p>{t.figure(title, value)}</p>
  return (
    <p>
      {t.against(title, value, number(comparison.before, 4), `${model}/${before}`)}{" "}
      <span class="hint">({comparison.by_gate ? t.byGate : t.byCards})</span>
    </p>
  )
}

/** The ends of the timeline. */
function Scale({ promotions, now }: { promotions: readonly Promotion[]; now: number }) {
  const { dateTime } = useDates()
  const beginning = beginningOf(promotions)
  if (beginning === undefined) return null
  return (
    <p class="scale hint" aria-hidden="true">
      <span>{dateTime(new Date(beginning).toISOString())}</span>
      <span>{dateTime(new Date(now).toISOString())}</span>
    </p>
  )
}

/** The history, with the names of tokens if there is a token that the service accepts. */
function useHistory(model: Model, token: string | undefined) {
  const [found, setFound] = useState<History>()
  const [now, setNow] = useState(0)
  const [error, setError] = useState<Error>()
  const last = useRef(0)
  const { name } = model
  const { champion } = model.aliases
  const load = useCallback(() => {
    const request = ++last.current
    const everybody = () => callJson<History>(`/models/${name}/history`)
    const history = token
      ? callJson<History>(`/admin/models/${name}/history`, { token }).catch((reason: unknown) => {
          if (reason instanceof CallError && [401, 403, 429].includes(reason.status)) return everybody()
          throw reason
        })
      : everybody()
    history.then(
      history => {
        if (request !== last.current) return
        setFound(history)
        setNow(Date.now())
        setError(undefined)
      },
      (reason: Error) => request === last.current && setError(reason),
    )
  }, [name, token, champion])
  return { found, now, error, load }
}
