/** Breed: nine children of some parents, those one likes as the next parents, and their family tree. */
import { useMemo, useState } from "preact/hooks"
import { numberOf } from "../../address"
import { useText } from "../../language"
import { CallPanel } from "../../ui/call-panel"
import { TextField } from "../../ui/controls"
import { Failure } from "../../ui/notice"
import { LabelPicker, PsiSlider, VersionPicker } from "../../ui/pickers"
import { Pixels } from "../../ui/pixels"
import { VersionedPage, type VersionedProps } from "../../ui/versioned-page"
import { childText, parseParents, type Member } from "./pedigree"
import { usePictures } from "./litter"
import { messages } from "./messages"
import { addressOf, SelectedMember } from "./selected-member"
import "./breed.css"

const LITTER = 9
const LAST = 2 ** 32 - LITTER
const FIRST_PARENTS = "42,7"

export default function Breed() {
  return <VersionedPage title={useText(messages).title} content={Breeder} />
}

function Breeder({ version, query, change }: VersionedProps) {
  const t = useText(messages)
  const text = query.parents ?? FIRST_PARENTS
  const from = Math.floor(numberOf(query.from, 0, 0, LAST))
  const psi = numberOf(query.psi, 1, 0, 2)
  // A text that is not a list of parents is sent as it is, so that the service explains what is wrong with it.
  const parents = useMemo(() => parseParents(text) ?? [{ text, parents: [] }], [text])
  const children = useMemo(
    () =>
      Array.from({ length: LITTER }, (_, index): Member => {
        const number = String(from + index)
        return { text: childText(parents, number), parents, number }
      }),
    [parents, from],
  )
  const family = useMemo(() => [...children, ...parents.flatMap(ancestors)], [children, parents])
  const { pictures, error, retry } = usePictures(family, { version, label: query.label, psi })
  const [chosen, setChosen] = useState<readonly string[]>([])
  const selected = [...parents, ...children].map(member => member.text).filter(member => chosen.includes(member))
  const last = [...parents, ...children].find(member => member.text === chosen.at(-1))
  const toggle = (member: string) =>
    setChosen(chosen.includes(member) ? chosen.filter(other => other !== member) : [...chosen, member])
  const nameOf = (member: Member) => (member.number === undefined ? t.seed(member.text) : t.childOf(member.number))
  const choice = (member: Member) => (
    <button
      type="button"
      class="member"
      key={member.text}
      aria-label={nameOf(member)}
      aria-pressed={chosen.includes(member.text)}
      onClick={() => toggle(member.text)}
    >
      <Pixels pixels={pictures.get(member.text)} label={nameOf(member)} />
      <span>{nameOf(member)}</span>
    </button>
  )
  const branch = (member: Member) => (
    <li key={member.text}>
      <figure>
        <Pixels pixels={pictures.get(member.text)} label={nameOf(member)} />
        <figcaption>{member.text}</figcaption>
      </figure>
      {member.parents.length > 0 && <ul>{member.parents.map(branch)}</ul>}
    </li>
  )
  return (
    <div class="stack breed">
      <p>{t.intro}</p>
      <div class="sides">
        <div class="stack">
          {error ? (
            <Failure error={error} retry={retry} />
          ) : (
            <>
              <section class="panel stack" aria-label={t.parentsShown}>
                <h2>{t.parentsShown}</h2>
                <div class="couple">{parents.map(choice)}</div>
              </section>
              <section class="panel stack" aria-label={t.children}>
                <h2>{t.children}</h2>
                <div>
                  <div class="litter">{children.map(choice)}</div>
                  <SelectedMember
                    member={last}
                    name={last ? nameOf(last) : ""}
                    pixels={last && pictures.get(last.text)}
                    version={version}
                    label={query.label}
                    psi={query.psi}
                  />
                </div>
                <div class="row">
                  <button
                    type="button"
                    disabled={from === 0}
                    onClick={() => change({ from: Math.max(0, from - LITTER) || null })}
                  >
                    {t.earlier}
                  </button>
                  <button
                    type="button"
                    disabled={from === LAST}
                    onClick={() => change({ from: Math.min(LAST, from + LITTER) })}
                  >
                    {t.more}
                  </button>
                  <button
                    type="button"
                    class="primary"
                    disabled={selected.length < 2}
                    onClick={() => {
                      setChosen([])
                      change({ parents: selected.join(","), from: null })
                    }}
                  >
                    {t.breed(selected.length)}
                  </button>
                </div>
                {selected.length < 2 && <p class="hint">{t.choose}</p>}
              </section>
              <section class="panel" aria-label={t.tree}>
                <h2>{t.tree}</h2>
                <ul class="tree">{parents.map(branch)}</ul>
              </section>
            </>
          )}
        </div>
        <div class="stack">
          <section class="panel stack">
            <TextField
              label={t.parents}
              value={text}
              hint={t.parentsHint}
              maxLength={1000}
              onChange={value => change({ parents: value || null, from: null })}
            />
            <LabelPicker classes={version.classes} query={query} change={change} />
            <PsiSlider query={query} change={change} />
            <VersionPicker version={version} query={query} change={change} />
          </section>
          <section class="panel">
            <CallPanel
              call={{
                path: "/generate",
                query: {
                  ...(last?.number === undefined ? { parents: text, child: from } : addressOf(last)),
                  label: query.label,
                  psi: query.psi,
                  model: version.model,
                  version: version.version,
                },
                file: "child.png",
              }}
            />
          </section>
        </div>
      </div>
    </div>
  )
}

/** A member and its ancestors, each once for every place in the tree. */
function ancestors(member: Member): readonly Member[] {
  return [member, ...member.parents.flatMap(ancestors)]
}
