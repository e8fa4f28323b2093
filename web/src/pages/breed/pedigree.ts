/** Pedigrees as text, such as `(42,7,3),99`, parsed as `GET /generate` does. */
export interface Member {
  /** The member as a parent: a seed, or a child in parentheses. */
  text: string
  /** Of a child: its parents. Empty for a seed. */
  parents: readonly Member[]
  /** Of a child: its number. */
  number?: string
}

/** Parse parents. Returns undefined if the text is not a list of parents: the service then says why. */
export function parseParents(text: string): readonly Member[] | undefined {
  let at = 0
  function list(): Member[] | undefined {
    const members: Member[] = []
    for (;;) {
      const found = member()
      if (!found) return undefined
      members.push(found)
      if (text[at] !== ",") return members
      at++
    }
  }
  function member(): Member | undefined {
    if (text[at] !== "(") {
      const start = at
      while (at < text.length && !"(),".includes(text[at]!)) at++
      const seed = text.slice(start, at).trim()
      return seed ? { text: seed, parents: [] } : undefined
    }
    at++
    const members = list()
    if (!members || members.length < 2 || text[at] !== ")") return undefined
    at++
    const parents = members.slice(0, -1)
    const number = members.at(-1)!.text
    return { text: childText(parents, number), parents, number }
  }
  const found = list()
  return found && at === text.length ? found : undefined
}

/** The text of a child as a parent. */
export function childText(parents: readonly Member[], number: string | number): string {
  return `(${[...parents.map(parent => parent.text), number].join(",")})`
}
