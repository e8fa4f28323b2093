/** The drawings of this tab. They are kept in sessionStorage, so that a reload of the page does not lose them. */
import { useEffect, useReducer } from "preact/hooks"
import { parseSketches, type Sketch, type Stroke } from "./sketch"

const KEY = "seedling-drawings"
/** How many drawings the page asks for. */
export const WANTED = 30
/** With fewer drawings, a dataset cannot be made: some of them are test pictures. */
export const LEAST = 20
export const MOST = 100

export interface Drawings {
  /** The drawings. Only the open one may be empty. */
  sketches: readonly Sketch[]
  /** Index of the open drawing. */
  at: number
}

export type Action =
  { do: "add"; stroke: Stroke } | { do: "undo" | "clear" | "next" | "forget" } | { do: "open"; at: number }

/** Return the drawings after an action. */
export function changed({ sketches, at }: Drawings, action: Action): Drawings {
  const open = sketches[at] ?? []
  const withOpen = (sketch: Sketch) => ({
    sketches: [...sketches.slice(0, at), sketch, ...sketches.slice(at + 1)],
    at,
  })
  switch (action.do) {
    case "add":
      return withOpen([...open, action.stroke])
    case "undo":
      return withOpen(open.slice(0, -1))
    case "clear":
      return withOpen([])
    case "next": {
      const drawn = sketches.filter(sketch => sketch.length)
      return drawn.length >= MOST ? { sketches: drawn, at: MOST - 1 } : { sketches: drawn, at: drawn.length }
    }
    case "open": {
      const drawn = sketches.filter((sketch, index) => sketch.length || index === action.at)
      const wanted = sketches[action.at]
      return wanted ? { sketches: drawn, at: drawn.indexOf(wanted) } : { sketches: drawn, at: drawn.length }
    }
    case "forget":
      return { sketches: [], at: 0 }
  }
}

/** The drawings that are not empty. */
export function drawn({ sketches }: Drawings): Sketch[] {
  return sketches.filter(sketch => sketch.length > 0)
}

function stored(): Drawings {
  let text: string | null = null
  try {
    text = window.sessionStorage.getItem(KEY)
  } catch {
    // the browser denies access
  }
  const sketches = (parseSketches(text ?? "[]") ?? []).filter(sketch => sketch.length)
  return { sketches, at: sketches.length }
}

export function useDrawings(): [Drawings, (action: Action) => void] {
  const [drawings, apply] = useReducer(changed, undefined, stored)
  useEffect(() => {
    try {
      window.sessionStorage.setItem(KEY, JSON.stringify(drawn(drawings)))
    } catch {
      // no access, or no space; the drawings are still in the page
    }
  }, [drawings])
  return [drawings, apply]
}
