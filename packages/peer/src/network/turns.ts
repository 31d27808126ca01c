/** One piece of work per name at a time, in the order of asking. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  /** Settles with the work, which begins when all that was asked for under the name before has ended. */
  async take(name: string, work: () => Promise<void>): Promise<void> {
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(work)
    const over = mine.catch(() => undefined)
    this.#last.set(name, over)
    try {
      await mine
    } finally {
      if (this.#last.get(name) === over) this.#last.delete(name)
    }
  }
}
