/** What to do in a step of the lesson, what to see, and the questions at its end. */
import { useEffect, useRef } from "preact/hooks"
import { texts, useText } from "../../language"

const messages = texts(
  { do: "Do", see: "See", questions: "Questions" },
  { do: "Сделайте", see: "Обратите внимание", questions: "Вопросы" },
)

export function Task({ todo, see }: { todo: string; see: string }) {
  const t = useText(messages)
  return (
    <dl class="task">
      <dt>{t.do}</dt>
      <dd>{todo}</dd>
      <dt>{t.see}</dt>
      <dd>{see}</dd>
    </dl>
  )
}

/** @param items Questions and their answers, alternately. */
export function Questions({ items }: { items: readonly string[] }) {
  const t = useText(messages)
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => opensForPrinting(list.current!), [])
  return (
    <div class="questions" ref={list}>
      <h3>{t.questions}</h3>
      {items.map((question, at) =>
        at % 2 ? null : (
          <details key={question}>
            <summary>{question}</summary>
            <p>{items[at + 1]}</p>
          </details>
        ),
      )}
    </div>
  )
}

/** Open all details below an element while the page is printed. Returns a function that ends this. */
function opensForPrinting(element: HTMLElement): () => void {
  let closed: HTMLDetailsElement[] = []
  const before = () => {
    if (closed.length) return
    closed = [...element.querySelectorAll<HTMLDetailsElement>("details:not([open])")]
    for (const each of closed) each.open = true
  }
  const after = () => {
    for (const each of closed) each.open = false
    closed = []
  }
  const print = matchMedia("print")
  const changed = () => (print.matches ? before() : after())
  addEventListener("beforeprint", before)
  addEventListener("afterprint", after)
  print.addEventListener("change", changed)
  return () => {
    removeEventListener("beforeprint", before)
    removeEventListener("afterprint", after)
    print.removeEventListener("change", changed)
  }
}
