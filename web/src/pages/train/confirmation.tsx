/** A modal confirmation dialog. Escape means no. */
import { type ComponentChildren } from "preact"
import { Dialog } from "../../ui/dialog"

interface ConfirmationProps {
  question: string
  consequence: string
  yes: string
  no: string
  onYes: () => void
  onNo: () => void
  /** What may be entered. */
  children?: ComponentChildren
}

export function Confirmation({ question, consequence, yes, no, onYes, onNo, children }: ConfirmationProps) {
  return (
    <Dialog title={question} onClose={onNo}>
      <p>{consequence}</p>
      {children && <div class="stack">{children}</div>}
      <div class="row">
        <button type="button" class="primary" onClick={onYes}>
          {yes}
        </button>
        <button type="button" onClick={onNo}>
          {no}
        </button>
      </div>
    </Dialog>
  )
}
