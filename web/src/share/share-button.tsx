/** The button that opens the share menu, on every page. The menu is loaded when it is first opened. */
import { useRef, useState } from "preact/hooks"
import { texts, useText } from "../language"
import { lazy } from "../lazy"
import "./share.css"

const messages = texts(
  { share: "Share", title: "Share this page", close: "Close" },
  { share: "Поделиться", title: "Поделиться страницей", close: "Закрыть" },
)
const ShareMenu = lazy(() => import("./share-menu"))

export function ShareButton() {
  const t = useText(messages)
  const dialog = useRef<HTMLDialogElement>(null)
  const [isOpen, setOpen] = useState(false)
  return (
    <div class="share">
      <button
        type="button"
        aria-haspopup="dialog"
        onClick={() => {
          setOpen(true)
          dialog.current!.showModal()
        }}
      >
        {t.share}
      </button>
      <dialog
        ref={dialog}
        class="share-dialog"
        aria-labelledby="share-title"
        onClose={() => setOpen(false)}
        onClick={event => event.target === dialog.current && dialog.current!.close()}
      >
        <div class="stack">
          <div class="titled">
            <h2 id="share-title">{t.title}</h2>
            <button type="button" class="chip" onClick={() => dialog.current!.close()}>
              {t.close}
            </button>
          </div>
          {isOpen && <ShareMenu />}
        </div>
      </dialog>
    </div>
  )
}
