/** Sliders for the directions of a version. */
import type { Change, Query } from "../../address"
import { formatEdit, MAX_AMOUNT, parseEdit, type Directions } from "../../engine/directions"
import { texts, useNumbers, useText } from "../../language"
import { Slider } from "../../ui/controls"
import { Failure, Loading } from "../../ui/notice"

const messages = texts(
  {
    title: "Directions",
    hint: "Move every picture along a direction of the latent space. One unit is one standard deviation of the latents.",
    reset: "Reset all directions",
    none: "This version has no directions.",
    found: "Unnamed directions (SeFa)",
    slant: "Slant",
    thickness: "Thickness",
    width: "Width",
    height: "Height",
    loops: "Size of loops",
    brightness: "Brightness",
    aspect: "Height over width",
  },
  {
    title: "Направления",
    hint: "Сдвигает все картинки вдоль направления латентного пространства. Единица — одно стандартное отклонение векторов.",
    reset: "Сбросить все направления",
    none: "У этой версии нет направлений.",
    found: "Направления без имён (SeFa)",
    slant: "Наклон",
    thickness: "Толщина",
    width: "Ширина",
    height: "Высота",
    loops: "Размер петель",
    brightness: "Яркость",
    aspect: "Отношение высоты к ширине",
  },
)
/** Amounts that are common among seeds. Larger ones are possible in addresses. */
const REACH = 4

interface DrawerProps {
  directions: Directions | undefined
  error: Error | undefined
  /** Whether the version has directions. */
  exist: boolean
  query: Query
  change: Change
}

export function DirectionsDrawer({ directions, error, exist, query, change }: DrawerProps) {
  const t = useText(messages)
  const { number } = useNumbers()
  const open = query.edit !== undefined || query.sliders === "open"
  const amounts = parseEdit(query.edit) ?? new Map<string, number>()
  const slider = (name: string) => (
    <Slider
      key={name}
      label={(t as Record<string, unknown>)[name] === undefined ? name : t[name as "slant"]}
      value={amounts.get(name) ?? 0}
      min={Math.max(-MAX_AMOUNT, Math.min(-REACH, amounts.get(name) ?? 0))}
      max={Math.min(MAX_AMOUNT, Math.max(REACH, amounts.get(name) ?? 0))}
      step={0.05}
      show={value => number(value, 2)}
      onInput={value => change({ edit: formatEdit(new Map(amounts).set(name, value)) }, { gesture: true })}
    />
  )
  const named = (kind: "measured" | "sefa") =>
    directions?.directions.filter(each => each.kind === kind).map(each => slider(each.name as string))
  return (
    <details
      class="panel"
      open={open}
      onToggle={event =>
        event.currentTarget.open !== open &&
        change({ sliders: event.currentTarget.open ? "open" : null }, { replace: true })
      }
    >
      <summary>{t.title}</summary>
      <p class="hint">{exist ? t.hint : t.none}</p>
      {(exist || query.edit !== undefined) && (
        // Always there, so that it does not push the sliders from under the pointer.
        <button
          type="button"
          disabled={query.edit === undefined}
          onClick={() => change({ edit: null, sliders: "open" })}
        >
          {t.reset}
        </button>
      )}
      {open && error && <Failure error={error} />}
      {open && exist && !error && !directions && <Loading />}
      {open && directions && (
        <>
          {named("measured")}
          <details>
            <summary>{t.found}</summary>
            {named("sefa")}
          </details>
        </>
      )}
    </details>
  )
}
