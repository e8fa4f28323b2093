/** Says where pictures are drawn, and lets the user choose. */
import { texts, useText } from "../language"
import { Toggle } from "../ui/controls"
import type { EngineUse } from "./use-engine"

const messages = texts(
  {
    here: "Draw in this browser",
    off: "The service draws.",
    waiting: "The service draws. When the page is idle, it loads the generator (about 2 MB).",
    loading: "Loading the generator and comparing some of its pictures with the service's.",
    ready: "Drawn here, without requests, with exactly the service's pixels.",
    different: "This browser computes different pixels than the service, so the service draws.",
    failed: "The generator could not be loaded, so the service draws.",
    retry: "Try again",
  },
  {
    here: "Рисовать в этом браузере",
    off: "Рисует сервис.",
    waiting: "Рисует сервис. Когда страница освободится, она загрузит генератор (около 2 МБ).",
    loading: "Загрузка генератора и сравнение эталонных картинок с сервисом.",
    ready: "Картинки рисует сам браузер, без запросов. Пиксели те же, что у сервиса.",
    different: "Пиксели в этом браузере не совпадают с пикселями сервиса, поэтому рисует сервис.",
    failed: "Не удалось загрузить генератор, поэтому рисует сервис.",
    retry: "Повторить",
  },
)

export function EngineSwitch({ state, choose }: Pick<EngineUse, "state" | "choose">) {
  const t = useText(messages)
  return (
    <div class="panel stack">
      <Toggle label={t.here} checked={state === "loading" || state === "ready"} onChange={choose} />
      <p class="hint" role="status">
        {t[state]}
      </p>
      {state === "failed" && (
        <button type="button" onClick={() => choose(true)}>
          {t.retry}
        </button>
      )}
    </div>
  )
}
