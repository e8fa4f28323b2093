/** Renders a model card. The Markdown is parsed by marked, and HTML in it is shown as text. */
import { lexer, type MarkedToken, type Token, type Tokens } from "marked"
import { Fragment, type ComponentChildren } from "preact"
import { useMemo } from "preact/hooks"
import { isOfPixels, levelOf, linkOf, pictureOf, withoutFrontMatter } from "./card-links"

/** The card. Its pictures are at `base`. */
export function Card({ markdown, base }: { markdown: string; base: string }) {
  const tokens = useMemo(() => lexer(withoutFrontMatter(markdown)), [markdown])
  return (
    <div class="card" lang="en">
      {renderAll(tokens, base)}
    </div>
  )
}

function renderAll(tokens: readonly Token[] | undefined, base: string): ComponentChildren {
  // Without extensions, the lexer only returns marked's own tokens.
  return tokens?.map((token, index) => <Fragment key={index}>{renderToken(token as MarkedToken, base)}</Fragment>)
}

function renderToken(token: MarkedToken, base: string): ComponentChildren {
  switch (token.type) {
    case "heading": {
      const Heading = `h${levelOf(token.depth)}` as const
      return <Heading>{renderAll(token.tokens, base)}</Heading>
    }
    case "paragraph":
      return isPicture(token) ? renderAll(token.tokens, base) : <p>{renderAll(token.tokens, base)}</p>
    case "text":
      return "tokens" in token && token.tokens ? renderAll(token.tokens, base) : token.text
    case "strong":
      return <strong>{renderAll(token.tokens, base)}</strong>
    case "em":
      return <em>{renderAll(token.tokens, base)}</em>
    case "del":
      return <del>{renderAll(token.tokens, base)}</del>
    case "codespan":
      return <code>{token.text}</code>
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      )
    case "blockquote":
      return <blockquote>{renderAll(token.tokens, base)}</blockquote>
    case "list": {
      const items = token.items.map((item, index) => <li key={index}>{renderAll(item.tokens, base)}</li>)
      return token.ordered ? <ol start={token.start || 1}>{items}</ol> : <ul>{items}</ul>
    }
    case "table":
      return <CardTable table={token} base={base} />
    case "link": {
      const href = linkOf(token.href)
      return href ? <a href={href}>{renderAll(token.tokens, base)}</a> : renderAll(token.tokens, base)
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
      return token.raw // shown as text
    default:
      return null // whitespace and link definitions
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
                {renderAll(cell.tokens, base)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, at) => (
                <td key={at}>{renderAll(cell.tokens, base)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
