/** Shares a few connections among many followers, which take turns. */

/**
 * Opens a connection and returns a function that closes it.
 *
 * @param answered - to be called once the service has answered or the attempt has failed. The time of the turn starts then.
 */
export type Open = (answered: () => void) => () => void

interface Turn {
  open: Open
  close: () => void
  timer?: ReturnType<typeof setTimeout>
  /** Whether the connection is closed as soon as another follower waits for one. */
  isOver: boolean
}

export class Turns {
  #waiting: Open[] = []
  /** Oldest first. */
  #turns: Turn[] = []

  /**
   * @param most - number of connections that may be open at the same time.
   * @param milliseconds - how long a connection is kept while other followers wait.
   */
  constructor(
    private readonly most: number,
    private readonly milliseconds: number,
  ) {}

  /** Open a connection now or once one is free, and again in each later turn. Returns a function that ends this. */
  join(open: Open): () => void {
    this.#waiting.push(open)
    this.#next()
    return () => {
      this.#waiting = this.#waiting.filter(each => each !== open)
      const turn = this.#turns.find(each => each.open === open)
      if (turn) this.#end(turn)
      this.#next()
    }
  }

  #next(): void {
    // Not for those that stop during this loop, which would reconnect at once.
    for (let left = this.#waiting.length; left; left--) {
      if (this.#turns.length >= this.most) {
        const over = this.#turns.find(({ isOver }) => isOver)
        if (!over) return
        this.#end(over)
        this.#waiting.push(over.open)
      }
      this.#begin(this.#waiting.shift()!)
    }
  }

  #begin(open: Open): void {
    const turn: Turn = { open, close: () => {}, isOver: false }
    this.#turns.push(turn)
    turn.close = open(() => {
      turn.timer ??= setTimeout(() => {
        turn.isOver = true
        this.#next()
      }, this.milliseconds)
    })
  }

  #end(turn: Turn): void {
    clearTimeout(turn.timer)
    this.#turns = this.#turns.filter(each => each !== turn)
    turn.close()
  }
}
