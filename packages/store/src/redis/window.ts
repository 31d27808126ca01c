/** Lets so many works run at once; the others wait for their turn, in the order in which they were asked for. */
export class Window {
  readonly #size: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(size: number) {
    this.#size = size
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    // whoever waited is given the place of the one that ended
    if (this.#running === this.#size) await new Promise<void>((turn) => this.#waiting.push(turn))
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
