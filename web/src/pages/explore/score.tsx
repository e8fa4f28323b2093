/** The discriminator's score of a seed's picture. */
import { useEffect, useState } from "preact/hooks"
import type { Query } from "../../address"
import { callJson, type Schemas } from "../../api/client"
import { texts, useNumbers, useText } from "../../language"
import type { Version } from "../../models"
import { useComebacks } from "../../service"

const messages = texts(
  { real: (share: string) => `Discriminator: ${share} real` },
  { real: share => `Дискриминатор: настоящая, ${share}` },
)

export function Score({ version, seed, query }: { version: Version; seed: string; query: Query }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const [probability, setProbability] = useState<number>()
  const comebacks = useComebacks()
  const { label, psi, edit } = query
  useEffect(() => {
    setProbability(undefined)
    const controller = new AbortController()
    const timer = setTimeout(() => {
      callJson<Schemas["SeedScores"]>("/discriminate", {
        query: { seeds: seed, label, psi, edit, model: version.model, version: version.version },
        signal: controller.signal,
      }).then(
        found => setProbability(found.pictures[0]?.probability),
        () => setProbability(undefined), // the score is optional
      )
    }, 150)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [version.model, version.version, seed, label, psi, edit, comebacks])
  return <p class="hint">{probability === undefined ? " " : t.real(percent(probability))}</p>
}
