/** Who learns and who holds still in each of the two turns. */
import { texts, useText } from "../../language"

export type Turn = "1" | "2"
const words = texts(
  {
    noise: "noise z",
    generator: "Generator",
    drawn: "generated",
    real: "real",
    discriminator: "Discriminator",
    probability: "D(x)",
    learns: "learns",
    frozen: "frozen",
    idle: "not needed",
    error1: "its error: real → 1, generated → 0",
    error2: "the error: generated → 1",
    back: "back through D",
    describe1:
      "Turn 1. Noise goes into the generator, which is frozen, and generated pictures come out. They go into the discriminator, as real pictures do. Its answer D(x) is compared with 1 for real and 0 for generated ones; the error goes back into the discriminator, which learns.",
    describe2:
      "Turn 2. Noise goes into the generator and generated pictures come out, which go into the discriminator. Its answer D(x) is compared with 1; the error goes back through the discriminator, which is frozen, into the generator, which learns. Real pictures are not needed.",
  },
  {
    noise: "шум z",
    generator: "Генератор",
    drawn: "рисунки",
    real: "настоящие",
    discriminator: "Дискриминатор",
    probability: "D(x)",
    learns: "учится",
    frozen: "заморожен",
    idle: "не нужны",
    error1: "ошибка: настоящие → 1, рисунки → 0",
    error2: "ошибка: рисунки → 1",
    back: "назад сквозь D",
    describe1:
      "Первый ход. Шум поступает в генератор, он заморожен, и получаются рисунки. Они идут в дискриминатор, как и настоящие картинки. Его ответ D(x) сравнивают с единицей для настоящих и с нулём для рисунков; ошибка возвращается в дискриминатор, и он учится.",
    describe2:
      "Второй ход. Шум поступает в генератор, получаются рисунки, они идут в дискриминатор. Его ответ D(x) сравнивают с единицей; ошибка возвращается сквозь дискриминатор, который заморожен, в генератор, и учится он. Настоящие картинки не нужны.",
  },
)

export function Diagram({ turn }: { turn: Turn }) {
  const t = useText(words)
  const first = turn === "1"
  return (
    <svg
      class="diagram"
      viewBox="0 0 360 262"
      role="img"
      aria-label={first ? t.describe1 : t.describe2}
      data-turn={turn}
    >
      <defs>
        <marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0 8 4 0 8z" class="head" />
        </marker>
        <marker id="head-back" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">
          <path d="M0 0 8 4 0 8z" class="head back" />
        </marker>
      </defs>
      <path class="flow" d="M92 36H120" />
      <path class="flow" d="M242 36H270" />
      <path class="flow" d="M311 62V106H215V146" />
      {first && <path class="flow" d="M92 174H120" />}
      <path class="flow" d="M242 174H270" />
      <path class="flow back" d="M311 200V232H181V204" />
      {!first && <path class="flow back" d="M146 146V66" />}
      {!first && (
        <text x="138" y="111" class="small end">
          {t.back}
        </text>
      )}
      <text x="181" y="252" class="small">
        {first ? t.error1 : t.error2}
      </text>
      <Box x={8} y={10} width={82} name={t.noise} />
      <Box x={122} y={10} width={118} name={t.generator} state={first ? "frozen" : "learns"} />
      <Box x={272} y={10} width={80} name={t.drawn} />
      <Box x={8} y={148} width={82} name={t.real} state={first ? undefined : "idle"} />
      <Box x={122} y={148} width={118} name={t.discriminator} state={first ? "learns" : "frozen"} />
      <Box x={272} y={148} width={80} name={t.probability} />
    </svg>
  )
}

interface BoxProps {
  x: number
  y: number
  width: number
  name: string
  state?: "learns" | "frozen" | "idle" | undefined
}

/** A network is told by what it does, in words and by its edge; a thing by its name alone. */
function Box({ x, y, width, name, state }: BoxProps) {
  const t = useText(words)
  const middle = x + width / 2
  return (
    <g class={`box ${state ?? ""}`}>
      <rect x={x} y={y} width={width} height={52} rx={8} />
      <text x={middle} y={state ? y + 23 : y + 31}>
        {name}
      </text>
      {state && (
        <text x={middle} y={y + 41} class="small">
          {t[state]}
        </text>
      )}
    </g>
  )
}
