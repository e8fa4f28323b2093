/** A modal confirmation dialog. Escape means no, and Enter in a field yes. */
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
      <form
        onSubmit={event => {
          event.preventDefault()
          onYes()
        }}
      >
        <p>{consequence}</p>
        {children && <div class="stack">{children}</div>}
        <div class="row">
          <button type="submit" class="primary">
            {yes}
          </button>
          <button type="button" onClick={onNo}>
            {no}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
