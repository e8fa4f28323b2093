/** Part of section 4: the lecture's networks, trained as in the lecture and as today, side by side. */
import { texts, useNumbers, useText } from "../../language"
import { Sheet } from "../models/sheet"
import { type Champion } from "./champions"

const messages = texts(
  {
    title: "The same networks, trained differently",
    what: "Both generators below have the networks of the lecture, layer for layer. Only the training differs: a relativistic loss with gradient penalties instead of the cross-entropy, averaged weights, a falling learning rate, and grey levels matched to those of real pictures. The seeds are the same.",
    alt: (name: string) => `Seeds 0 to 31 by ${name}`,
    caption: (name: string, images: string) => `${name}: ${images} training images`,
    fid: (fid: string, floor: string) => `FID ${fid} (real pictures: ${floor})`,
  },
  {
    title: "Те же сети, другое обучение",
    what: "У обоих генераторов сети из лекции, слой в слой. Отличается только обучение: релятивистская функция потерь с градиентными штрафами вместо кросс-энтропии, усреднённые веса, убывающая скорость обучения и уровни серого, подогнанные к настоящим картинкам. Зёрна одни и те же.",
    alt: name => `Зёрна от 0 до 31, ${name}`,
    caption: (name, images) => `${name}: ${images} обучающих картинок`,
    fid: (fid, floor) => `FID ${fid} (у настоящих картинок: ${floor})`,
  },
)
export const MODELS = ["lecture", "lecture-modern"] as const

/** The champions of both models, or undefined unless both are served. */
export function pairOf(champions: readonly Champion[]): readonly [Champion, Champion] | undefined {
  const [first, second] = MODELS.map(name => champions.find(({ model }) => model === name))
  return first && second && [first, second]
}

export function LecturePair({ champions }: { champions: readonly Champion[] }) {
  const t = useText(messages)
  const { number } = useNumbers()
  const pair = pairOf(champions)
  if (!pair) return null
  return (
    <>
      <h4>{t.title}</h4>
      <p>{t.what}</p>
      <div class="lecture-pair">
        {pair.map(({ model, version, detail, evaluation }) => {
          const name = `${model}/${version}`
          const fid = evaluation?.figures?.fid
          return (
            <figure key={name}>
              <figcaption>
                {t.caption(name, number(detail.manifest.training.images))}
                {typeof fid?.value === "number" && typeof fid.floor === "number" && (
                  <span class="hint"> {t.fid(number(fid.value, 2), number(fid.floor, 2))}</span>
                )}
              </figcaption>
              <Sheet
                path="/generate"
                query={{ seeds: "0-31", columns: 8, model, version }}
                alt={t.alt(name)}
                columns={8}
                rows={4}
              />
            </figure>
          )
        })}
      </div>
    </>
  )
}
