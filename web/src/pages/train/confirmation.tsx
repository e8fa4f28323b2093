/** A modal confirmation dialog. Escape means no. */
import { useEffect, useRef } from "preact/hooks"

interface ConfirmationProps {
  question: string
  consequence: string
  yes: string
  no: string
  onYes: () => void
  onNo: () => void
}

export function Confirmation({ question, consequence, yes, no, onYes, onNo }: ConfirmationProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    return () => shown?.close() // returns the focus to the previous element
  }, [])
  return (
    <dialog
      ref={dialog}
      class="confirmation"
      aria-labelledby="confirmation-question"
      aria-describedby="confirmation-consequence"
      onCancel={event => {
        event.preventDefault()
        onNo()
      }}
    >
      <h2 id="confirmation-question">{question}</h2>
      <p id="confirmation-consequence">{consequence}</p>
      <div class="row">
        <button type="button" class="primary" onClick={onYes}>
          {yes}
        </button>
        <button type="button" onClick={onNo}>
          {no}
        </button>
      </div>
    </dialog>
  )
}
