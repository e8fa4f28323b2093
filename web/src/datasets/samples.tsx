/** A sheet of training pictures of a dataset. That of an imported dataset needs the token, so an `<img>` cannot request it. */
import { useEffect, useState } from "preact/hooks"
import { mount } from "../address"
import { call } from "../api/client"
import { texts, useText } from "../language"
import { Failure } from "../ui/notice"
import { type Dataset } from "./datasets"

const messages = texts(
  {
    alt: (title: string) => `Training pictures of ${title}`,
    altOfClasses: (title: string) => `Training pictures of ${title}, one class per column`,
  },
  {
    alt: title => `Обучающие картинки набора ${title}`,
    altOfClasses: title => `Обучающие картинки набора ${title}, по классу в столбце`,
  },
)
/** Columns of the sheet. With 2 to 10 classes, there are as many columns as classes. */
const COLUMNS = 10
const ROWS = 10
/** Width of a picture on the page. */
const WIDTH = 56

interface SamplesProps {
  dataset: Pick<Dataset, "reference" | "title" | "classes" | "published">
  token: string | undefined
}

export function DatasetSamples({ dataset, token }: SamplesProps) {
  const t = useText(messages)
  const path = `/datasets/${dataset.reference}/samples.png`
  const { address, error, retry } = usePrivatePicture(dataset.published ? undefined : path, token)
  const { length } = dataset.classes
  const hasClassColumns = length >= 2 && length <= COLUMNS
  const src = dataset.published ? mount() + path : address
  if (error) return <Failure error={error} retry={retry} />
  return (
    <div class="dataset-samples">
      {src && (
        <img
          class="pixels"
          loading="lazy"
          src={src}
          width={WIDTH * (hasClassColumns ? length : COLUMNS)}
          height={WIDTH * ROWS}
          alt={hasClassColumns ? t.altOfClasses(dataset.title) : t.alt(dataset.title)}
        />
      )}
    </div>
  )
}

/** The object URL of a picture that needs the token. */
function usePrivatePicture(path: string | undefined, token: string | undefined) {
  const [address, setAddress] = useState<string>()
  const [error, setError] = useState<Error>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    if (!path || !token) return
    const controller = new AbortController()
    let made: string | undefined
    setError(undefined)
    call(path, { token, signal: controller.signal })
      .then(response => response.blob())
      .then(
        blob => {
          if (!controller.signal.aborted) setAddress((made = URL.createObjectURL(blob)))
        },
        (reason: Error) => !controller.signal.aborted && setError(reason),
      )
    return () => {
      controller.abort()
      if (made) URL.revokeObjectURL(made)
      setAddress(undefined)
    }
  }, [path, token, attempt])
  return { address, error, retry: () => setAttempt(attempt + 1) }
}
