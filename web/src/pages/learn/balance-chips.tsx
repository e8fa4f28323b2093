/** The experiments: which network learns how fast, and what to look for. */
import { texts, useText } from "../../language"
import { BALANCES, type Balance } from "./gan/balance"

const messages = texts(
  {
    title: "Experiment",
    fair: "Both in turns",
    "frozen-d": "Freeze the discriminator",
    "frozen-g": "Freeze the generator",
    "strong-d": "Discriminator too strong",
    "strong-g": "Mode collapse",
    look: "What to look for:",
  },
  {
    title: "Эксперимент",
    fair: "Обе сети по очереди",
    "frozen-d": "Заморозить дискриминатор",
    "frozen-g": "Заморозить генератор",
    "strong-d": "Дискриминатор слишком силён",
    "strong-g": "Коллапс мод",
    look: "На что смотреть:",
  },
)

interface BalanceChipsProps {
  balance: Balance
  onChange: (balance: Balance) => void
  /** What to look for in each experiment. */
  notes: Readonly<Record<Balance, string>>
  /** What choosing an experiment does. */
  hint?: string
}

export function BalanceChips({ balance, onChange, notes, hint }: BalanceChipsProps) {
  const t = useText(messages)
  return (
    <div class="balance">
      <div class="chips" role="group" aria-label={t.title}>
        {BALANCES.map(each => (
          <button
            key={each}
            type="button"
            class="chip"
            aria-pressed={each === balance}
            onClick={() => onChange(each)}
          >
            {t[each]}
          </button>
        ))}
      </div>
      <p aria-live="polite">
        <strong>{t.look}</strong> {notes[balance]}
      </p>
      {hint && <p class="hint">{hint}</p>}
    </div>
  )
}
