/** The nearest integer seeds, with links to their pictures. */
import { Link } from "wouter-preact"
import { mount, pathWith } from "../../address"
import { useNumbers, useText } from "../../language"
import { common } from "../../messages"
import { type Version } from "../../models"
import { Pixels } from "../../ui/pixels"
import { messages } from "./messages"
import { SearchFailure } from "./search-failure"
import { NEIGHBOURS, type Neighbour, type Neighbours, type Search } from "./search"

interface NearestSeedsProps {
  search: Search<Neighbours>
  version: Version
  /** The seed at the end of the film. */
  to: string | undefined
  onFilm: (seed: number) => void
}

export function NearestSeeds({ search, version, to, onFilm }: NearestSeedsProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const { found, error, isBusy, retry } = search
  // Without a drawing nothing has been searched, but the version says whether it has an index.
  const hasIndex = found !== undefined || version.detail.nearest_seeds !== null
  const places: readonly (Neighbour | undefined)[] =
    found?.nearest ?? new Array<undefined>(NEIGHBOURS).fill(undefined)
  return (
    <section class="panel stack" aria-labelledby="seeds-title" aria-busy={isBusy}>
      <div>
        <h2 id="seeds-title">{t.seeds}</h2>
        {!error && hasIndex && <p class="hint">{t.seedsHint}</p>}
      </div>
      {error ? (
        <SearchFailure error={error} lead={t.noIndex} retry={retry} />
      ) : !hasIndex ? (
        <p class="notice">{t.noIndex}</p>
      ) : (
        <>
          <ol class="seeds">
            {places.map((near, at) =>
              near ? (
                <NearSeed key={at} near={near} version={version} isFilm={to === String(near.seed)} onFilm={onFilm} />
              ) : (
                <li key={at} aria-hidden="true">
                  <span class="place" />
                </li>
              ),
            )}
          </ol>
          <p class="hint">{t.searched(found ? number(found.seeds) : "–")}</p>
        </>
      )}
    </section>
  )
}

interface NearSeedProps {
  near: Neighbour
  version: Version
  isFilm: boolean
  onFilm: (seed: number) => void
}

function NearSeed({ near: { seed, label_name, error, picture }, version, isFilm, onFilm }: NearSeedProps) {
  const t = useText(messages)
  const c = useText(common)
  const { number } = useNumbers()
  const source = { seed, model: version.model, version: version.version }
  return (
    <li>
      <a href={mount() + pathWith("/generate", { ...source, scale: 8 })}>
        <Pixels pixels={picture} label={c.pictureOf(seed)} />
      </a>
      <Link class="number" href={pathWith("/", source)} title={t.explore(seed)}>
        {seed}
      </Link>
      <span class="hint">
        {label_name === null ? "" : `${label_name} · `}
        {number(error, 1)}
      </span>
      <button
        type="button"
        class="chip"
        aria-label={t.filmTo(seed)}
        aria-pressed={isFilm}
        onClick={() => onFilm(seed)}
      >
        {t.filmShort}
      </button>
    </li>
  )
}
