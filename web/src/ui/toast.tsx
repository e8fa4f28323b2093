/** A message over the page, which screen readers announce. It stays until it is dismissed or replaced. */
import { type ComponentChildren } from "preact"
import { texts, useText } from "../language"

const messages = texts({ dismiss: "Dismiss" }, { dismiss: "Скрыть" })

interface ToastProps {
  /** The message. Without one, only the region that announces it remains. */
  children: ComponentChildren
  onDismiss: () => void
}

export function Toast({ children, onDismiss }: ToastProps) {
  const t = useText(messages)
  return (
    <div role="status" class={children ? "toast" : undefined}>
      {children && (
        <>
          <span>{children}</span>
          <button type="button" onClick={onDismiss}>
            {t.dismiss}
          </button>
        </>
      )}
    </div>
  )
}
