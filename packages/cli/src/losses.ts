/** Rounds at each end of a run over which its loss is taken; of a short run half of its rounds. */
const FEW = 5

/** Training loss at the start and at the end of a run, from its rounds in any order and any number of times. */
export class Losses {
  readonly #first = new Map<number, number>()
  readonly #last = new Map<number, number>()

  add(round: number, loss: number): void {
    if (!Number.isFinite(loss)) return
    this.#first.set(round, loss)
    if (this.#first.size > FEW) this.#first.delete(Math.max(...this.#first.keys()))
    this.#last.set(round, loss)
    if (this.#last.size > FEW) this.#last.delete(Math.min(...this.#last.keys()))
  }

  /** Null without two rounds. */
  get result(): { readonly first: number; readonly last: number } | null {
    const rounds = new Set([...this.#first.keys(), ...this.#last.keys()]).size
    const few = Math.min(FEW, Math.floor(rounds / 2))
    if (few === 0) return null
    return { first: mean(inOrder(this.#first).slice(0, few)), last: mean(inOrder(this.#last).slice(-few)) }
  }
}

function inOrder(losses: ReadonlyMap<number, number>): number[] {
  return [...losses].sort(([a], [b]) => a - b).map(([, loss]) => loss)
}

function mean(losses: readonly number[]): number {
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length
}
