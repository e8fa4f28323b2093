/** A modal dialog of the browser. Escape closes it, and the focus returns to where it was. */
import { type ComponentChildren, type JSX } from "preact"
import { useEffect, useId, useRef } from "preact/hooks"

interface DialogProps {
  title: string
  onClose: () => void
  children: ComponentChildren
}

/** Whether a click is on the backdrop, which belongs to the dialog for events. */
function isOutside(event: JSX.TargetedMouseEvent<HTMLDialogElement>): boolean {
  const { target, currentTarget, clientX, clientY } = event
  const { left, right, top, bottom } = currentTarget.getBoundingClientRect()
  return target === currentTarget && (clientX < left || clientX > right || clientY < top || clientY > bottom)
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    return () => shown?.close() // returns the focus to the previous element
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onCancel={event => {
        event.preventDefault()
        onClose()
      }}
      onClick={event => isOutside(event) && onClose()}
    >
      <h2 id={`${id}-title`}>{title}</h2>
      <div id={`${id}-text`}>{children}</div>
    </dialog>
  )
}
