/** A modal confirmation dialog. Escape means no. */
import { Dialog } from "../../ui/dialog"

interface ConfirmationProps {
  question: string
  consequence: string
  yes: string
  no: string
  onYes: () => void
  onNo: () => void
}

export function Confirmation({ question, consequence, yes, no, onYes, onNo }: ConfirmationProps) {
  return (
    <Dialog title={question} onClose={onNo}>
      <p>{consequence}</p>
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
