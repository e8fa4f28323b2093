/** The parts of a model card that are rendered, and the links and pictures that are allowed. */

/** Remove the YAML front matter, which is for model hubs. */
export function withoutFrontMatter(markdown: string): string {
  return markdown.replace(/^---\r?\n[\s\S]*?\r?\n---\r?\n/, "")
}

/** The heading level within a section under an h2. */
export function levelOf(depth: number): 3 | 4 | 5 | 6 {
  return depth <= 1 ? 3 : depth === 2 ? 4 : depth === 3 ? 5 : 6
}

/** The URL of a picture next to the card. Undefined for all others: the page sends no requests to third parties. */
export function pictureOf(name: string, base: string): string | undefined {
  return /^[a-z]+\.png$/.test(name) ? `${base}/${name}` : undefined
}

/** Whether a picture consists of generated pictures, which are scaled without smoothing. The others are plots. */
export function isOfPixels(name: string): boolean {
  return /^(samples|failures|neighbours)\.png$/.test(name)
}

/** The target of a web link. Undefined for other schemes, such as `javascript:`. */
export function linkOf(href: string): string | undefined {
  return /^https?:\/\//i.test(href) ? href : undefined
}
