/** How far an upload is, with buttons to pause, continue and cancel it. */
import { texts, useNumbers, useText } from "../language"
import { Failure } from "../ui/notice"
import { useUpload } from "./upload"

const messages = texts(
  {
    packing: (done: string, total: string) => `Packing: ${done} of ${total} files`,
    sending: (done: string, total: string) => `Uploading: ${done} of ${total} MB`,
    paused: (done: string, total: string) => `Paused: ${done} of ${total} MB are uploaded`,
    pause: "Pause",
    resume: "Continue",
    cancel: "Cancel",
  },
  {
    packing: (done, total) => `Упаковка: файлов ${done} из ${total}`,
    sending: (done, total) => `Загрузка: ${done} из ${total} МБ`,
    paused: (done, total) => `Пауза: загружено ${done} из ${total} МБ`,
    pause: "Пауза",
    resume: "Продолжить",
    cancel: "Отменить",
  },
)
const MEGABYTE = 1_000_000

export function UploadProgress({ upload }: { upload: ReturnType<typeof useUpload> }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { progress, error, pause, resume, cancel } = upload
  if (!progress) return error ? <Failure error={error} /> : null
  const { step, done, total, isPaused } = progress
  const megabytes = (bytes: number) => number(bytes / MEGABYTE, 1)
  const what =
    step === "packing"
      ? t.packing(number(done), number(total))
      : (isPaused ? t.paused : t.sending)(megabytes(done), megabytes(total))
  return (
    <div class="stack">
      <div>
        <p>{what}</p>
        <progress value={done} max={Math.max(total, 1)} aria-label={what} />
      </div>
      {error && <Failure error={error} retry={resume} />}
      <div class="row">
        {step === "sending" && !error && (
          <button type="button" onClick={isPaused ? resume : pause}>
            {isPaused ? t.resume : t.pause}
          </button>
        )}
        <button type="button" onClick={cancel}>
          {t.cancel}
        </button>
      </div>
    </div>
  )
}
