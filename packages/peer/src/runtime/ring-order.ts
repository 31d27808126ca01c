import type { ContributionManifest, PeerId, Proposal } from '@peergrad/core'
import { UNMEASURED } from './link-costs.js'

/** A ring that takes more than this share of the time of the one by rank is not worth another order. */
const WORTH = 0.75
/** Passes of 2-opt over the whole ring: it ends by itself, long before. */
const PASSES = 64

/** What the members of one round said of their links, and the ring that its coordinator makes of it. */
export class RingOrder {
  readonly #ranks: ReadonlyMap<PeerId, number>
  readonly #said = new Map<number, Uint8Array>()

  constructor(members: readonly PeerId[]) {
    this.#ranks = new Map(members.map((peer, rank) => [peer, rank]))
  }

  /** What is not of this view's length says nothing. */
  note(peer: PeerId, costs: Uint8Array | undefined): void {
    const rank = this.#ranks.get(peer)
    if (rank !== undefined && costs?.length === this.#ranks.size) this.#said.set(rank, costs)
  }

  /**
   * A short ring over the contributors, as indices of contributions: from the first one to the nearest that is left, and so
   * on, then by 2-opt (Croes, Operations Research 1958), on costs that are the mean of what both ends of a link say; a link of
   * which neither says anything costs the median. Ties go by rank. Nothing where the order by rank is about as quick.
   */
  of(contributions: readonly ContributionManifest[]): Pick<Proposal, 'ring'> {
    const costs = this.#costs(contributions.map(({ peer }) => this.#ranks.get(peer) ?? -1))
    if (costs === undefined) return {}
    const byRank = contributions.map((_, index) => index)
    const ring = twoOpt(nearest(byRank, costs), costs)
    return lengthOf(ring, costs) <= WORTH * lengthOf(byRank, costs) ? { ring } : {}
  }

  /** Undefined when nobody said anything. */
  #costs(ranks: readonly number[]): Costs | undefined {
    if (this.#said.size === 0) return undefined
    const links = ranks.flatMap((a, i) => ranks.slice(0, i).map((b) => this.#link(a, b)))
    const known = links.filter((cost) => cost !== undefined).sort((a, b) => a - b)
    if (known.length === 0) return undefined
    const usual = known[(known.length - 1) >> 1]
    return (i, j) => {
      const [less, more] = i < j ? [i, j] : [j, i]
      return links[(more * (more - 1)) / 2 + less] ?? usual
    }
  }

  #link(a: number, b: number): number | undefined {
    const said = [this.#said.get(a)?.[b], this.#said.get(b)?.[a]]
    const times = said.flatMap((cost) => (cost === undefined || cost === UNMEASURED ? [] : [2 ** cost]))
    return times.length === 0 ? undefined : times.reduce((sum, each) => sum + each, 0) / times.length
  }
}

/** Whether these are the indices of so many contributions, each once. */
export function isRing(indices: readonly number[], of: number): boolean {
  return indices.length === of && new Set(indices).size === of && indices.every((index) => index < of)
}

type Costs = (i: number, j: number) => number

function nearest([first, ...others]: readonly number[], costs: Costs): number[] {
  const left = new Set(others)
  const ring = [first]
  while (left.size > 0) {
    const at = ring[ring.length - 1]
    const next = [...left].reduce((best, each) => (costs(at, each) < costs(at, best) ? each : best))
    left.delete(next)
    ring.push(next)
  }
  return ring
}

/** Turns a stretch of the ring round wherever that makes it shorter, until nowhere does. */
function twoOpt(ring: number[], costs: Costs): number[] {
  const n = ring.length
  for (let pass = 0, shorter = true; shorter && pass < PASSES; pass++) {
    shorter = false
    for (let i = 0; i < n - 2; i++) {
      for (let j = i + 2; j < n; j++) {
        const [a, b, c, d] = [ring[i], ring[i + 1], ring[j], ring[(j + 1) % n]]
        if (a === d || costs(a, c) + costs(b, d) >= costs(a, b) + costs(c, d)) continue
        ring.splice(i + 1, j - i, ...ring.slice(i + 1, j + 1).reverse())
        shorter = true
      }
    }
  }
  return ring
}

function lengthOf(ring: readonly number[], costs: Costs): number {
  return ring.reduce((sum, at, index) => sum + costs(at, ring[(index + 1) % ring.length]), 0)
}
