import { PeergradError, type GradientStore } from '@peergrad/core'
import type { ExtraVector } from '../checkpoint/checkpoints.js'

/**
 * Vectors that a peer keeps for itself from round to round: what a filter held back, the state of an inner optimiser.
 * What a round makes of them counts once its contribution is among the decided ones.
 */
export class OwnVectors {
  readonly #store: GradientStore
  readonly #current: Map<string, string>
  readonly #next = new Map<string, string>()
  readonly #unused: string[] = []
  /** deleted once more when the next round is over: work that was given up may have written them after that */
  #late: readonly string[] = []
  #count = 0

  /** `resumed` are those of a checkpoint: store keys by name. */
  constructor(store: GradientStore, resumed: ReadonlyMap<string, string> = new Map()) {
    this.#store = store
    this.#current = new Map(resumed)
  }

  key(name: string): string | undefined {
    return this.#current.get(name)
  }

  /** A key to store the next version under. */
  nextKey(name: string): string {
    const key = `own:${name}:${this.#count++}`
    const unused = this.#next.get(name)
    if (unused !== undefined) this.#unused.push(unused)
    this.#next.set(name, key)
    return key
  }

  /** Keeps a vector of the own store, whatever becomes of its key. */
  async keep(name: string, key: string): Promise<void> {
    const lease = await this.#store.get(key)
    await this.#store.put(this.nextKey(name), lease)
  }

  /** The round is over. */
  async settle(contributed: boolean): Promise<void> {
    const old = this.#unused.splice(0)
    for (const [name, key] of this.#next) {
      const before = this.#current.get(name)
      if (contributed) this.#current.set(name, key)
      const unused = contributed ? before : key
      if (unused !== undefined) old.push(unused)
    }
    this.#next.clear()
    const again = this.#late
    this.#late = old
    await this.#store.delete([...again, ...old])
  }

  /** Forgets what the database has lost. */
  async mend(): Promise<void> {
    for (const [name, key] of this.#current) {
      try {
        await this.#store.verify(key)
      } catch (thrown) {
        if (PeergradError.from(thrown).code !== 'missing') throw thrown
        this.#current.delete(name)
        await this.#store.delete([key])
      }
    }
  }

  /** What a checkpoint holds of them. */
  get extra(): readonly ExtraVector[] {
    return [...this.#current].map(([name, key]) => ({ name: `${OWN}${name}`, key }))
  }
}

/** Begins the names of these vectors in a checkpoint. */
const OWN = 'own.'

/** What the peer calls a vector of a checkpoint, if it is one of its own. */
export function ownName(name: string): string | undefined {
  return name.startsWith(OWN) ? name.slice(OWN.length) : undefined
}
