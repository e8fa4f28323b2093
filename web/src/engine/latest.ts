/** Draws the latest of many pictures, such as those of a drag. What is asked for while one is drawn replaces what waited. */

import type { Engine } from "./engine"
import type { Look, Subject } from "./inputs"

export class Latest {
  private waiting: [Subject, Look] | undefined
  private busy = false
  private asked = ""

  constructor(
    private readonly engine: Engine,
    private readonly shown: (pixels: Uint8Array) => void,
  ) {}

  ask(subject: Subject, look: Look): void {
    const key = JSON.stringify([
      subject,
      look.label,
      look.psi,
      look.edit.map(([amount, vector]) => [amount, vector[0]]),
    ])
    if (key === this.asked) return
    this.asked = key
    this.waiting = [subject, look]
    if (!this.busy) void this.work()
  }

  private async work(): Promise<void> {
    this.busy = true
    while (this.waiting) {
      const [subject, look] = this.waiting
      this.waiting = undefined
      try {
        this.shown(await this.engine.draw([subject], look, { urgent: true }))
      } catch {
        this.asked = "" // the page is told by onFailure
      }
    }
    this.busy = false
  }
}
