/** A model card's Markdown as elements of the page: marked reads it, and nothing of it is taken for HTML. */
import { lexer, type MarkedToken, type Token, type Tokens } from "marked"
import { Fragment, type ComponentChildren } from "preact"
import { useMemo } from "preact/hooks"
import { isOfPixels, levelOf, linkOf, pictureOf, withoutFrontMatter } from "./card-links"

/** The card; its pictures lie under `base`. */
export function Card({ markdown, base }: { markdown: string; base: string }) {
  const tokens = useMemo(() => lexer(withoutFrontMatter(markdown)), [markdown])
  return (
    <div class="card" lang="en">
      {all(tokens, base)}
    </div>
  )
}

function all(tokens: readonly Token[] | undefined, base: string): ComponentChildren {
  // Without extensions, all that the lexer gives are marked's own tokens.
  return tokens?.map((token, index) => <Fragment key={index}>{one(token as MarkedToken, base)}</Fragment>)
}

function one(token: MarkedToken, base: string): ComponentChildren {
  switch (token.type) {
    case "heading": {
      const Heading = `h${levelOf(token.depth)}` as const
      return <Heading>{all(token.tokens, base)}</Heading>
    }
    case "paragraph":
      return isPicture(token) ? all(token.tokens, base) : <p>{all(token.tokens, base)}</p>
    case "text":
      return "tokens" in token && token.tokens ? all(token.tokens, base) : token.text
    case "strong":
      return <strong>{all(token.tokens, base)}</strong>
    case "em":
      return <em>{all(token.tokens, base)}</em>
    case "del":
      return <del>{all(token.tokens, base)}</del>
    case "codespan":
      return <code>{token.text}</code>
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      )
    case "blockquote":
      return <blockquote>{all(token.tokens, base)}</blockquote>
    case "list": {
      const items = token.items.map((item, index) => <li key={index}>{all(item.tokens, base)}</li>)
      return token.ordered ? <ol start={token.start || 1}>{items}</ol> : <ul>{items}</ul>
    }
    case "table":
      return <CardTable table={token} base={base} />
    case "link": {
      const href = linkOf(token.href)
      return href ? <a href={href}>{all(token.tokens, base)}</a> : all(token.tokens, base)
    }
    case "image": {
      const source = pictureOf(token.href, base)
      return source ? (
        <img class={isOfPixels(token.href) ? "pixels" : ""} src={source} alt={token.text} loading="lazy" />
      ) : (
        token.text
      )
    }
    case "br":
      return <br />
    case "hr":
      return <hr />
    case "escape":
      return token.text
    case "html":
      return token.raw // shown as it is written
    default:
      return null // space between blocks, and definitions of links
  }
}

function isPicture(paragraph: Tokens.Paragraph): boolean {
  return paragraph.tokens.length === 1 && paragraph.tokens[0]?.type === "image"
}

function CardTable({ table, base }: { table: Tokens.Table; base: string }) {
  const label = table.header.map(cell => cell.text).join(", ")
  return (
    <div class="table" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {table.header.map((cell, index) => (
              <th key={index} scope="col">
                {all(cell.tokens, base)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, at) => (
                <td key={at}>{all(cell.tokens, base)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
