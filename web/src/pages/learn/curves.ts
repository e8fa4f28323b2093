/** The measurements of a training so far, for its charts. Long trainings keep every second, fourth ... measurement. */

const MOST = 400

export class Curves<K extends string> {
  readonly x: readonly number[]
  private readonly lines: Readonly<Record<K, readonly (number | null)[]>>

  private constructor(x: readonly number[], lines: Readonly<Record<K, readonly (number | null)[]>>) {
    this.x = x
    this.lines = lines
  }

  static empty<K extends string>(names: readonly K[]): Curves<K> {
    return new Curves<K>([], Object.fromEntries(names.map(name => [name, []])) as unknown as Record<K, number[]>)
  }

  /** With one more measurement. Values that are missing or not finite are gaps. */
  with(x: number, values: Readonly<Record<K, number | undefined>>): Curves<K> {
    const thin = <T>(list: readonly T[]) => (list.length > MOST ? list.filter((_, at) => at % 2 === 0) : list)
    const lines = Object.entries<readonly (number | null)[]>(this.lines).map(([name, list]) => {
      const value = values[name as K]
      return [name, thin([...list, value !== undefined && Number.isFinite(value) ? value : null])]
    })
    return new Curves<K>(thin([...this.x, x]), Object.fromEntries(lines) as Record<K, (number | null)[]>)
  }

  line(name: K): readonly (number | null)[] {
    return this.lines[name]
  }
}
