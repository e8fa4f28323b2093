/** What is shown at an address without a page: how to go on, and the picture whose seed is the address. */
import { useState } from "preact/hooks"
import { Link, useLocation } from "wouter-preact"
import { mount, pathWith } from "../../address"
import { texts, useText } from "../../language"
import "./nowhere.css"

const messages = texts(
  {
    title: "Page not found",
    text: "There is no page at this address. Choose one above.",
    seed: "But every text is a seed, and so is this address:",
    alt: (seed: string) => `Picture of seed ${seed}`,
  },
  {
    title: "Страница не найдена",
    text: "По этому адресу страницы нет. Выберите другую в меню выше.",
    seed: "Зато любой текст — зерно, и этот адрес тоже:",
    alt: seed => `Картинка для зерна ${seed}`,
  },
)
/** Characters of the longest seed. */
const LONGEST = 128

export default function Nowhere() {
  const t = useText(messages)
  const [path] = useLocation()
  const [hasFailed, setFailed] = useState(false)
  const seed = [...path].slice(0, LONGEST).join("")
  return (
    <div class="nowhere">
      <h1>{t.title}</h1>
      <p>{t.text}</p>
      {!hasFailed && (
        <figure>
          <figcaption>
            {t.seed} <code>{seed}</code>
          </figcaption>
          <Link href={pathWith("/", { seed })}>
            <img
              class="pixels"
              width={280}
              height={280}
              src={mount() + pathWith("/generate", { seed, scale: 10 })}
              alt={t.alt(seed)}
              onError={() => setFailed(true)}
            />
          </Link>
        </figure>
      )}
    </div>
  )
}
