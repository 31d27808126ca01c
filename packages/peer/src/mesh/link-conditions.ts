import type { PeerId } from '@peergrad/core'

/** How a link is worse than a perfect one. Each direction of a link has its own. */
export interface LinkConditions {
  /** chance that an announcement or a beat is lost, 0 … 1; what goes over a stream is sent again and comes later */
  readonly loss: number
  /** milliseconds on top of the latency */
  readonly delay: number
  /** up to so many milliseconds more, drawn for each message; what is sent first still comes first */
  readonly jitter: number
  /** chance that an announcement or a beat comes twice, 0 … 1 */
  readonly duplicates: number
  /** chance that an announcement or a beat is overtaken by those sent after it, 0 … 1 */
  readonly reorder: number
  /** bytes of tensors a second */
  readonly bandwidth: number
  /** nothing passes */
  readonly blocked: boolean
}

const PERFECT: LinkConditions = {
  loss: 0,
  delay: 0,
  jitter: 0,
  duplicates: 0,
  reorder: 0,
  bandwidth: Infinity,
  blocked: false
}

/** Names directed links. */
export type LinkSelector = (from: PeerId, to: PeerId) => boolean

/** Two conditions on one link, or two links one after the other. */
export function combine(a: LinkConditions, b: LinkConditions): LinkConditions {
  return {
    loss: either(a.loss, b.loss),
    delay: a.delay + b.delay,
    jitter: a.jitter + b.jitter,
    duplicates: either(a.duplicates, b.duplicates),
    reorder: either(a.reorder, b.reorder),
    bandwidth: Math.min(a.bandwidth, b.bandwidth),
    blocked: a.blocked || b.blocked
  }
}

/** The conditions that hold now, on every directed link of a network. */
export class LinkTable {
  readonly #latency: (from: PeerId, to: PeerId) => number
  readonly #imposed = new Set<{ readonly conditions: LinkConditions; readonly where: LinkSelector }>()

  constructor(latency: (from: PeerId, to: PeerId) => number) {
    this.#latency = latency
  }

  /** Makes the links that `where` names worse, on top of all other conditions. Returns what ends it. */
  impose(conditions: Partial<LinkConditions>, where: LinkSelector): () => void {
    const imposed = { conditions: { ...PERFECT, ...conditions }, where }
    this.#imposed.add(imposed)
    return () => void this.#imposed.delete(imposed)
  }

  conditions(from: PeerId, to: PeerId): LinkConditions {
    let conditions = PERFECT
    for (const imposed of this.#imposed) {
      if (imposed.where(from, to)) conditions = combine(conditions, imposed.conditions)
    }
    return conditions
  }

  blocked(from: PeerId, to: PeerId): boolean {
    for (const { conditions, where } of this.#imposed) if (conditions.blocked && where(from, to)) return true
    return false
  }

  /** Nothing is blocked, one way or the other. */
  open(a: PeerId, b: PeerId): boolean {
    return !this.blocked(a, b) && !this.blocked(b, a)
  }

  /** Milliseconds from one peer to another on a perfect link. */
  latency(from: PeerId, to: PeerId): number {
    return this.#latency(from, to)
  }

  /** Milliseconds that a ping takes there and back, on the average. */
  roundTrip(a: PeerId, b: PeerId): number {
    const there = this.conditions(a, b)
    const back = this.conditions(b, a)
    return this.latency(a, b) + there.delay + there.jitter / 2 + this.latency(b, a) + back.delay + back.jitter / 2
  }
}

function either(a: number, b: number): number {
  return 1 - (1 - a) * (1 - b)
}
