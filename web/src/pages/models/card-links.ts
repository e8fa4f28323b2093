/** What of a model card is for reading, and where its names lead. */

/** A card without the YAML at its head, which is for model hubs. */
export function withoutFrontMatter(markdown: string): string {
  return markdown.replace(/^---\r?\n[\s\S]*?\r?\n---\r?\n/, "")
}

/** The level of a heading within a section that is headed by an h2. */
export function levelOf(depth: number): 3 | 4 | 5 | 6 {
  return depth <= 1 ? 3 : depth === 2 ? 4 : depth === 3 ? 5 : 6
}

/** The address of a card's picture, which lies beside it; undefined for any other, as no third party is to be asked. */
export function pictureOf(name: string, base: string): string | undefined {
  return /^[a-z]+\.png$/.test(name) ? `${base}/${name}` : undefined
}

/** Whether a picture of a card is made of drawn pictures, whose pixels are to be squares; the others are plots. */
export function isOfPixels(name: string): boolean {
  return /^(samples|failures|neighbours)\.png$/.test(name)
}

/** The address that a link may lead to; undefined for those that are none of the web, such as `javascript:`. */
export function linkOf(href: string): string | undefined {
  return /^https?:\/\//i.test(href) ? href : undefined
}
