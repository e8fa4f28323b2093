/** Breadcrumb navigation: models, model, version. */
import { Link } from "wouter-preact"
import { useText } from "../../language"
import { messages } from "./messages"

export function Breadcrumbs({ model, here }: { model?: string; here: string }) {
  const t = useText(messages)
  return (
    <nav class="breadcrumbs" aria-label={t.breadcrumbs}>
      <Link href="/models">{t.models}</Link>
      {model && <Link href={`/models/${model}`}>{model}</Link>}
      <span aria-current="page">{here}</span>
    </nav>
  )
}
