import type { Slab } from '../slabs.js'

/** Bytes of results that are kept for peers that come to the same step a little later, and results that always are. */
const KEPT = { bytes: 256 << 20, results: 4 }

interface Result {
  readonly slabs: Promise<Slab[]>
  /** once it is there */
  bytes: number
}

/** What was computed last, by what it was computed from. */
export class Results {
  readonly #kept = new Map<string, Result>()
  readonly #release: (slab: Slab) => void
  #bytes = 0

  constructor(release: (slab: Slab) => void) {
    this.#release = release
  }

  /** The slabs that `work` made, now or before; the references stay here. What fails is tried again the next time. */
  once(key: string, work: () => Promise<Slab[]>): Promise<Slab[]> {
    const known = this.#kept.get(key)
    if (known !== undefined) return known.slabs
    const result: Result = { slabs: work(), bytes: 0 }
    this.#kept.set(key, result)
    result.slabs.then(
      (slabs) => {
        if (this.#kept.get(key) !== result) return
        result.bytes = slabs.reduce((sum, { vector }) => sum + vector.byteLength, 0)
        this.#bytes += result.bytes
        this.#trim()
      },
      () => {
        if (this.#kept.get(key) === result) this.#kept.delete(key)
      }
    )
    return result.slabs
  }

  clear(): void {
    for (const key of [...this.#kept.keys()]) this.#drop(key)
  }

  #trim(): void {
    for (const key of this.#kept.keys()) {
      if (this.#bytes <= KEPT.bytes || this.#kept.size <= KEPT.results) return
      this.#drop(key)
    }
  }

  #drop(key: string): void {
    const result = this.#kept.get(key)
    if (result === undefined) return
    this.#kept.delete(key)
    this.#bytes -= result.bytes
    result.slabs.then(
      (slabs) => slabs.forEach(this.#release),
      () => undefined
    )
  }
}
