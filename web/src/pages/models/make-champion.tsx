/** A button that makes any version champion, if this tab has an admin token. */
import { useCallback, useEffect, useRef } from "preact/hooks"
import { texts, useText } from "../../language"
import { useModels, type Version } from "../../models"
import { CallPanel } from "../../ui/call-panel"
import { Failure } from "../../ui/notice"
import { promotionCall } from "../train/job-calls"
import { useToken } from "../train/token"
import { usePromotion } from "../train/use-promotion"
import { isWorse } from "./figures"

const messages = texts(
  {
    title: "Champion",
    served: (name: string) => `The champion is ${name}.`,
    make: (name: string) => `Make ${name} champion`,
  },
  {
    title: "Чемпион",
    served: name => `Сейчас чемпион — ${name}.`,
    make: name => `Сделать чемпионом ${name}`,
  },
)

export function MakeChampion({ version }: { version: Version }) {
  const { token } = useToken()
  return token ? <Panel version={version} token={token} /> : null
}

function Panel({ version, token }: { version: Version; token: string }) {
  const t = useText(messages)
  const { list } = useModels()
  const status = useRef<HTMLDivElement>(null)
  // The pressed button disappears.
  const done = useCallback(() => status.current?.focus(), [])
  const { served, setServed, error, confirm, dialog } = usePromotion(version.model, token, done)
  const champion = list?.models.find(each => each.name === version.model)?.aliases.champion
  useEffect(() => setServed(undefined), [champion]) // the reloaded list is newer
  const now = served?.version ?? champion
  const { gate } = version.detail.manifest
  return (
    <section class="panel stack" aria-labelledby="make-champion">
      <div role="status" ref={status} tabIndex={-1}>
        <h2 id="make-champion">{t.title}</h2>
        {now !== undefined && <p>{t.served(`${version.model}/${now}`)}</p>}
      </div>
      {error && <Failure error={error} />}
      {now !== version.version && (
        <div class="row">
          <button
            type="button"
            onClick={() => void confirm(version.version, gate && isWorse(gate) ? gate : undefined)}
          >
            {t.make(`${version.model}/${version.version}`)}
          </button>
        </div>
      )}
      <CallPanel call={promotionCall(version.model, version.version)} />
      {dialog}
    </section>
  )
}
