/** A diagram of each of the two training steps: which network is trained and which is frozen. */
import { texts, useText } from "../../language"

export const STEPS = ["1", "2"] as const
export type Step = (typeof STEPS)[number]
const messages = texts(
  {
    noise: "noise z",
    generator: "Generator",
    generated: "generated",
    real: "real",
    discriminator: "Discriminator",
    probability: "D(x)",
    trained: "trained",
    frozen: "frozen",
    idle: "not used",
    error1: "loss: real → 1, generated → 0",
    error2: "loss: generated → 1",
    back: "back through D",
    describe1:
      "The discriminator learns. The frozen generator turns noise into generated pictures. The discriminator gets them and real pictures. Its output D(x) is compared with 1 for real and 0 for generated pictures. The error is backpropagated into the discriminator, which is trained.",
    describe2:
      "The generator learns. It turns noise into generated pictures, which go into the discriminator. Its output D(x) is compared with 1. The error is backpropagated through the frozen discriminator into the generator, which is trained. Real pictures are not used.",
  },
  {
    noise: "шум z",
    generator: "Генератор",
    generated: "G(z)",
    real: "настоящие",
    discriminator: "Дискриминатор",
    probability: "D(x)",
    trained: "обучается",
    frozen: "заморожен",
    idle: "не нужны",
    error1: "потери: настоящие → 1, сгенерированные → 0",
    error2: "потери: сгенерированные → 1",
    back: "обратно через D",
    describe1:
      "Учится дискриминатор. Замороженный генератор превращает шум в сгенерированные картинки. Дискриминатор получает их и настоящие картинки. Его выход D(x) сравнивают с единицей для настоящих и с нулём для сгенерированных. Ошибка распространяется обратно в дискриминатор, и он обучается.",
    describe2:
      "Учится генератор. Он превращает шум в сгенерированные картинки, они идут в дискриминатор. Его выход D(x) сравнивают с единицей. Ошибка распространяется обратно через замороженный дискриминатор в генератор, и генератор обучается. Настоящие картинки не нужны.",
  },
)

export function Diagram({ step }: { step: Step }) {
  const t = useText(messages)
  const first = step === "1"
  return (
    <svg
      class="diagram"
      viewBox="0 0 360 262"
      role="img"
      aria-label={first ? t.describe1 : t.describe2}
      data-step={step}
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
      <Box x={122} y={10} width={118} name={t.generator} state={first ? "frozen" : "trained"} />
      <Box x={272} y={10} width={80} name={t.generated} />
      <Box x={8} y={148} width={82} name={t.real} state={first ? undefined : "idle"} />
      <Box x={122} y={148} width={118} name={t.discriminator} state={first ? "trained" : "frozen"} />
      <Box x={272} y={148} width={80} name={t.probability} />
    </svg>
  )
}

interface BoxProps {
  x: number
  y: number
  width: number
  name: string
  state?: "trained" | "frozen" | "idle" | undefined
}

/** A box with a name. Networks also have a state, shown as text and by the outline. */
function Box({ x, y, width, name, state }: BoxProps) {
  const t = useText(messages)
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
