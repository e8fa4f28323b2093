/** What the layout says while the page waits: a progress bar, and whether the service responds. */
import { useEffect } from "preact/hooks"
import { useBusy } from "../busy"
import { texts, useText } from "../language"
import { common } from "../messages"
import { useModels } from "../models"
import { useBack, useDown, watchService } from "../service"
import "./waiting.css"

const messages = texts(
  {
    offline: "Offline: the service does not respond. Explore and Walk draw in this browser.",
    down: "The service does not respond. This page keeps what it shows, and continues as soon as the service is back.",
  },
  {
    offline: "Нет связи с сервисом. «Обзор» и «Прогулка» рисуют в этом браузере.",
    down: "Сервис не отвечает. Страница сохранит то, что показывает, и продолжит работу, когда он вернётся.",
  },
)

export function BusyBar() {
  const isBusy = useBusy()
  const { loading } = useText(common)
  return isBusy ? <div class="busy" role="progressbar" aria-label={loading} /> : null
}

/** Shown while the service does not respond. Pages then draw with the versions that this browser keeps, if there are any. */
export function ServiceState() {
  const t = useText(messages)
  const { retry } = useText(common)
  const { isOffline, reload } = useModels()
  const isDown = useDown()
  useEffect(watchService, [])
  useBack(reload) // versions may have changed, and what depends on them is loaded again
  return (
    <div role="status">
      {(isOffline || isDown) && (
        <p class="notice offline">
          {isOffline ? t.offline : t.down}{" "}
          {isOffline && (
            <button type="button" onClick={reload}>
              {retry}
            </button>
          )}
        </p>
      )}
    </div>
  )
}
