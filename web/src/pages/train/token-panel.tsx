/** The form for entering and forgetting the token. */
import { useState } from "preact/hooks"
import { texts, useText } from "../../language"
import { Failure } from "../../ui/notice"

const messages = texts(
  {
    title: "Admin token",
    label: "Token",
    where:
      "It is in the file admin-token in the state folder of the service (var/admin-token in its working directory), unless GAN_ADMIN_TOKEN is set. A viewer token only allows watching.",
    storage: "It is stored for this tab only, until the tab is closed.",
    use: "Use token",
    forget: "Forget token",
    accepted: "The token is valid.",
    checking: "Checking the token…",
    invalid:
      "A token consists of ASCII letters, digits and symbols without spaces. Check your keyboard layout and enter it again.",
  },
  {
    title: "Токен администратора",
    label: "Токен",
    where:
      "Администратор сервиса найдёт его в файле admin-token в папке состояния (var/admin-token в его рабочем каталоге), если не задана переменная GAN_ADMIN_TOKEN. С токеном наблюдателя можно только смотреть.",
    storage: "Страница помнит введённый токен, только пока открыта эта вкладка.",
    use: "Войти с токеном",
    forget: "Забыть токен",
    accepted: "Токен принят.",
    checking: "Проверяем токен…",
    invalid:
      "Токен состоит из латинских букв, цифр и знаков без пробелов. Проверьте раскладку и введите его ещё раз.",
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
  const [isInvalid, setInvalid] = useState(false)
  return (
    <section class="panel stack" aria-labelledby="token-title">
      <h2 id="token-title">{t.title}</h2>
      {!token && (
        <form
          class="stack"
          onSubmit={event => {
            event.preventDefault()
            const entered = typed.trim()
            // Other characters are not allowed in a header. The most likely cause is a wrong keyboard layout.
            if (!/^[\x21-\x7e]+$/.test(entered)) return setInvalid(true)
            keep(entered)
            setInvalid(false)
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
              {t.where} {t.storage}
            </small>
          </div>
          {isInvalid && (
            <p class="notice failure" role="alert">
              {t.invalid}
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
        {token && !error ? (isAccepted ? `✓ ${t.accepted}` : t.checking) : ""}
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
