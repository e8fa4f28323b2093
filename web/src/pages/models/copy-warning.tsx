/** A warning about a version that copies its training pictures. */
import { texts, useNumbers, useText } from "../../language"

const messages = texts(
  {
    copies: (share: string) =>
      `This version copies its training pictures: ${share} of its pictures are copies. Train on more pictures, for fewer images, or with adaptive augmentation.`,
    badge: "copies",
  },
  {
    copies: share =>
      `Эта версия копирует обучающие картинки: среди её картинок ${share} копий. Обучайте на большем числе картинок, короче или с адаптивной аугментацией.`,
    badge: "копирует",
  },
)

/** The warning with the share of copies. */
export function CopyWarning({ share }: { share: number }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  return (
    <p class="notice failure" role="note">
      <span aria-hidden="true">⚠</span> {t.copies(percent(share))}
    </p>
  )
}

/** The warning in a row of a table. */
export function CopyBadge() {
  return <small class="badge warning">{useText(messages).badge}</small>
}
