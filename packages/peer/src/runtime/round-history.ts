import type { RoundRecord } from '@peergrad/core'

/** Rounds that are kept, of the first and of the last. */
const KEPT = 5000

/**
 * The rounds that a strategy is told of: all that this peer saw or, of more than twice KEPT, the first and the last. Whoever
 * comes to propose late in a run sees how its loss began.
 */
export class RoundHistory {
  readonly #records: RoundRecord[] = []

  get records(): readonly RoundRecord[] {
    return this.#records
  }

  add(record: RoundRecord): void {
    this.#records.push(record)
    if (this.#records.length > 2 * KEPT) this.#records.splice(KEPT, 1)
  }
}
