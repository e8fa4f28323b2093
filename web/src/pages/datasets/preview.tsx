/** What an import would do with an upload: settings, pictures before and after, and a report. */
import { useEffect, useRef, useState } from "preact/hooks"
import { type Change } from "../../address"
import { callJson, type Schemas } from "../../api/client"
import { useDebounced } from "../../debounced"
import { useNumbers, useText } from "../../language"
import { CallPanel } from "../../ui/call-panel"
import { Select, Slider, Toggle } from "../../ui/controls"
import { Failure, Loading } from "../../ui/notice"
import { messages } from "./messages"
import { ReportView } from "./report"
import { bodyOf, FITS, INVERSIONS, MAX_TEST_SHARE, type Settings } from "./settings"

type PreviewResult = Schemas["DatasetPreview"]
/** Milliseconds without a change of the settings before a preview is requested. */
const DEBOUNCE_MILLISECONDS = 250

interface PreviewProps {
  settings: Settings
  shown: ReturnType<typeof usePreview>
  change: Change
  onDiscard: () => void
}

export function Preview({ settings, shown, change, onDiscard }: PreviewProps) {
  const t = useText(messages)
  const { found, error, isLoading, retry } = shown
  return (
    <section class="panel stack" aria-labelledby="preview-title" aria-busy={isLoading}>
      <h2 id="preview-title">{t.preview}</h2>
      <SettingsForm settings={settings} hasShare={found?.report.splits !== "source"} change={change} />
      <p role="status" class="hint">
        {isLoading ? t.previewing : ""}
      </p>
      {error && <Failure error={error} retry={retry} />}
      {found && !error && (
        <>
          <figure class="before-after">
            <img src={found.sheet} alt={t.sheetAlt} />
            <figcaption class="hint">{t.sheetHint}</figcaption>
          </figure>
          <ReportView report={found.report} />
        </>
      )}
      {!found && !error && <Loading />}
      <div>
        <button type="button" onClick={onDiscard}>
          {t.discard}
        </button>
      </div>
      <CallPanel
        call={{ method: "POST", path: "/admin/datasets/preview", body: bodyOf(settings), admin: true, seconds: 60 }}
      />
    </section>
  )
}

interface SettingsFormProps {
  settings: Settings
  /** Whether the share of test pictures has an effect: a source may have its own splits. */
  hasShare: boolean
  change: Change
}

function SettingsForm({ settings, hasShare, change }: SettingsFormProps) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const fits = { fit: t.fitOptions, crop: t.cropOption, mnist: t.mnistOption }
  return (
    <div class="stack" role="group" aria-label={t.options}>
      <div class="row">
        <Select
          label={t.fit}
          value={settings.fit}
          options={FITS.map(fit => [fit, fits[fit]] as const)}
          onChange={fit => change({ fit: fit === "fit" ? null : fit })}
        />
        <Select
          label={t.invert}
          value={settings.invert}
          options={INVERSIONS.map(invert => [invert, t[invert]] as const)}
          onChange={invert => change({ invert: invert === "auto" ? null : invert })}
        />
      </div>
      <Toggle
        label={t.skipBroken}
        checked={settings.skip_broken}
        onChange={isSkipped => change({ skip_broken: isSkipped ? "true" : null })}
      />
      {hasShare && (
        <Slider
          label={t.testShare}
          hint={t.testShareHint}
          value={settings.test_share}
          min={0.05}
          max={MAX_TEST_SHARE}
          step={0.01}
          show={share => percent(share)}
          onInput={share => change({ test_share: share.toFixed(2) }, { gesture: true })}
        />
      )}
    </div>
  )
}

/**
 * The preview of an upload. Requested again when a setting changes.
 *
 * @param isPaused - whether to request nothing, because the upload is being imported and deleted afterwards.
 */
export function usePreview(settings: Settings | undefined, token: string | undefined, isPaused: boolean) {
  const [found, setFound] = useState<PreviewResult>()
  const [error, setError] = useState<Error>()
  const [isLoading, setLoading] = useState(false)
  const [attempt, setAttempt] = useState(0)
  /** The settings of the preview that is shown. */
  const shown = useRef<string>()
  const wanted = useDebounced(settings && JSON.stringify(bodyOf(settings)), DEBOUNCE_MILLISECONDS)
  const upload = settings?.upload
  useEffect(() => {
    shown.current = undefined
    setFound(undefined)
  }, [upload])
  useEffect(() => {
    if (!upload || !token || isPaused) return setLoading(false)
    // The settings of the upload before may still be waiting.
    if (!wanted?.includes(upload) || shown.current === wanted) return setLoading(false)
    const controller = new AbortController()
    const options = { method: "POST", body: JSON.parse(wanted), token, signal: controller.signal } as const
    setLoading(true)
    setError(undefined)
    callJson<PreviewResult>("/admin/datasets/preview", options)
      .then(
        result => {
          shown.current = wanted
          setFound(result)
        },
        (reason: Error) => !controller.signal.aborted && setError(reason),
      )
      .finally(() => !controller.signal.aborted && setLoading(false))
    return () => controller.abort()
  }, [upload, wanted, token, isPaused, attempt])
  return { found, error, isLoading, retry: () => setAttempt(attempt + 1) }
}
