/** Where the token is given and forgotten. */
import { useState } from "preact/hooks"
import { texts, useText } from "../../language"
import { Failure } from "../../ui/notice"

const messages = texts(
  {
    title: "Admin token",
    label: "Token",
    where:
      "It is in the file admin-token in the service's state folder (var/admin-token where it was started), unless GAN_ADMIN_TOKEN sets another. With a viewer's token you can only watch.",
    kept: "It is kept for this tab only, until the tab is closed.",
    use: "Use the token",
    forget: "Forget the token",
    given: "The token was accepted.",
    checking: "The token is being checked…",
    letters:
      "A token has only Latin letters, digits and symbols, and no spaces. Check your keyboard layout and type it again.",
  },
  {
    title: "Токен администратора",
    label: "Токен",
    where:
      "Он лежит в файле admin-token в папке состояния сервиса (var/admin-token там, где его запустили), если GAN_ADMIN_TOKEN не задаёт другой. С токеном наблюдателя можно только смотреть.",
    kept: "Он хранится только в этой вкладке, пока её не закроют.",
    use: "Войти с токеном",
    forget: "Забыть токен",
    given: "Токен принят.",
    checking: "Проверяем токен…",
    letters:
      "В токене бывают только латинские буквы, цифры и знаки, без пробелов. Проверьте раскладку и наберите его ещё раз.",
  },
)

interface TokenPanelProps {
  token: string | undefined
  isAccepted: boolean
  error: Error | undefined
  keep: (token: string) => void
  forget: () => void
  retry: () => void
}

export function TokenPanel({ token, isAccepted, error, keep, forget, retry }: TokenPanelProps) {
  const t = useText(messages)
  const [typed, setTyped] = useState("")
  const [isWrong, setIsWrong] = useState(false)
  return (
    <section class="panel stack" aria-labelledby="token-title">
      <h2 id="token-title">{t.title}</h2>
      {!token && (
        <form
          class="stack"
          onSubmit={event => {
            event.preventDefault()
            const given = typed.trim()
            // Others cannot stand in a header; typed by a keyboard in the wrong language, most likely.
            if (!/^[\x21-\x7e]+$/.test(given)) return setIsWrong(true)
            keep(given)
            setIsWrong(false)
            setTyped("")
          }}
        >
          <div class="field">
            <label for="token">{t.label}</label>
            <input
              id="token"
              type="password"
              value={typed}
              autocomplete="off"
              spellcheck={false}
              maxLength={500}
              aria-describedby="token-where"
              onInput={event => setTyped(event.currentTarget.value)}
            />
            <small id="token-where" class="hint">
              {t.where} {t.kept}
            </small>
          </div>
          {isWrong && (
            <p class="notice failure" role="alert">
              {t.letters}
            </p>
          )}
          <div>
            <button type="submit" class="primary" disabled={!typed.trim()}>
              {t.use}
            </button>
          </div>
        </form>
      )}
      <p role="status" class={token && !error ? "" : "visually-hidden"}>
        {token && !error ? (isAccepted ? `✓ ${t.given}` : t.checking) : ""}
      </p>
      {error && <Failure error={error} retry={token ? retry : undefined} />}
      {token && (
        <div>
          <button type="button" onClick={forget}>
            {t.forget}
          </button>
        </div>
      )}
    </section>
  )
}
