/** The picture of the nearest point of the latent space, beside the drawing as the encoder sees it. */
import { useNumbers, useText } from "../../language"
import { Pixels } from "../../ui/pixels"
import { messages } from "./messages"
import { SearchFailure } from "./search-failure"
import { type Inversion, type Search } from "./search"

export function FoundPicture({ search }: { search: Search<Inversion> }) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const { found: whole, error, isBusy, retry } = search
  const found = whole?.found
  const name = found ? (found.label_name ?? t.noClass) : "–"
  return (
    <section class="panel stack found" aria-labelledby="found-title" aria-busy={isBusy}>
      <h2 id="found-title">{t.found}</h2>
      {error ? (
        <SearchFailure error={error} lead={t.noEncoder} retry={retry} />
      ) : (
        <>
          <Pixels pixels={whole?.picture} label={found ? t.foundOf(name) : t.nothing} class="nearest-picture" />
          <dl>
            <div>
              <dt>{t.recognised}</dt>
              <dd class="class">{name}</dd>
            </div>
            <div>
              <dt>{t.error}</dt>
              <dd>{found ? number(found.error, 1) : "–"}</dd>
            </div>
            <div>
              <dt>{t.opinion}</dt>
              <dd>{found ? percent(found.opinion.probability) : "–"}</dd>
            </div>
          </dl>
          <figure class="prepared">
            <Pixels pixels={whole?.prepared} label={t.prepared} />
            <figcaption aria-hidden="true">{t.prepared}</figcaption>
          </figure>
        </>
      )}
      <p role="status" class="visually-hidden">
        {error ? "" : isBusy ? t.searching : found ? t.summary(found.label_name, number(found.error, 1)) : ""}
      </p>
    </section>
  )
}
