import type { Clock, PeerId, Random } from '@peergrad/core'
import type { LinkConditions, LinkTable } from './link-conditions.js'
import type { MemoryHost } from './memory-host.js'

/** Milliseconds within which a message that is overtaken, and one that comes twice, arrives late. */
const REORDER = 100
const DUPLICATE = 500
/** Milliseconds until a stream sends again what was lost, at least and at most; each time twice as long. */
const RETRANSMIT = { least: 200, most: 1600 }

/** A message passes these peers, the sender first and the receiver last. */
type Route = readonly PeerId[]

type Arrivals = Map<MemoryHost, Map<MemoryHost, number>>

/** A receiver, and the conditions and latency of the whole way to it. */
export interface Passage<To extends { readonly host: MemoryHost }> {
  readonly to: To
  readonly conditions: LinkConditions
  readonly latency: number
}

/** Brings messages from process to process, as the links are. All chances are of one seed. */
export class MemoryCarrier {
  readonly #clock: Clock
  readonly #links: LinkTable
  readonly #random: Random
  /** when what was sent last arrives, by sender and receiver */
  readonly #datagrams: Arrivals = new Map()
  readonly #streams: Arrivals = new Map()

  constructor({ clock, links, random }: { clock: Clock; links: LinkTable; random: Random }) {
    this.#clock = clock
    this.#links = links
    this.#random = random
  }

  /** One message to several, best effort, and twice when it so happens. */
  datagrams<To extends { readonly host: MemoryHost }>(
    { host: from }: { readonly host: MemoryHost },
    passages: Iterable<Passage<To>>,
    arrive: (to: To) => void
  ): void {
    /** by delay: one timer is enough for all whom it reaches at one time */
    const arrivals = new Map<number, To[]>()
    const at = (delay: number, to: To) => {
      const same = arrivals.get(delay)
      if (same === undefined) arrivals.set(delay, [to])
      else same.push(to)
    }
    for (const { to, conditions, latency } of passages) {
      if (conditions.blocked || this.#happens(conditions.loss)) continue
      const delay = latency + conditions.delay + this.#upTo(conditions.jitter)
      const late = this.#happens(conditions.reorder)
      at(late ? delay + this.#upTo(REORDER) : this.#inOrder(this.#datagrams, from, to.host, delay), to)
      if (this.#happens(conditions.duplicates)) at(delay + this.#upTo(DUPLICATE), to)
    }
    for (const [delay, receivers] of arrivals) {
      this.#clock.after(delay, () => {
        if (!from.killed) for (const to of receivers) to.host.run(() => arrive(to))
      })
    }
  }

  /** Part of a stream, on a link that is not blocked: what is lost is sent again. */
  stream(from: MemoryHost, to: MemoryHost, arrive: () => void): void {
    const conditions = this.#links.conditions(from.peer, to.peer)
    let delay = this.#links.latency(from.peer, to.peer) + conditions.delay + this.#upTo(conditions.jitter)
    for (let wait = RETRANSMIT.least; this.#happens(conditions.loss); wait = Math.min(RETRANSMIT.most, 2 * wait)) {
      delay += wait
    }
    this.#at(this.#inOrder(this.#streams, from, to, delay), from, to, arrive)
  }

  /** The end of a connection comes after all that was sent on it. */
  last(from: MemoryHost, to: MemoryHost, arrive: () => void): void {
    const delay = this.#time(from.peer, to.peer)
    const due = Math.max(...[this.#datagrams, this.#streams].map((sent) => this.#inOrder(sent, from, to, delay)))
    this.#clock.after(due, () => to.run(arrive))
  }

  /**
   * The ways from one peer to all whom its announcement reaches, but for those that it reaches straight: by the least
   * time over others, who pass it on.
   */
  detours(
    from: PeerId,
    straight: ReadonlySet<PeerId>,
    neighbours: (peer: PeerId) => Iterable<PeerId>
  ): Map<PeerId, Route> {
    const routes = new Map<PeerId, Route>()
    const times = new Map([...straight].map((to) => [to, this.#time(from, to)]))
    const todo = new Set(straight)
    for (let via = nearest(todo, times); via !== undefined; via = nearest(todo, times)) {
      todo.delete(via)
      for (const to of neighbours(via)) {
        if (to === from || straight.has(to) || this.#links.blocked(via, to)) continue
        const time = (times.get(via) ?? 0) + this.#time(via, to)
        if (time >= (times.get(to) ?? Infinity)) continue
        times.set(to, time)
        routes.set(to, [...(routes.get(via) ?? [from, via]), to])
        todo.add(to)
      }
    }
    return routes
  }

  #time(from: PeerId, to: PeerId): number {
    return this.#links.latency(from, to) + this.#links.conditions(from, to).delay
  }

  /** What a killed process sent last never arrives. */
  #at(delay: number, from: MemoryHost, to: MemoryHost, arrive: () => void): void {
    this.#clock.after(delay, () => {
      if (!from.killed) to.run(arrive)
    })
  }

  #inOrder(arrivals: Arrivals, from: MemoryHost, to: MemoryHost, delay: number): number {
    const now = this.#clock.now()
    let receivers = arrivals.get(from)
    if (receivers === undefined) arrivals.set(from, (receivers = new Map()))
    const due = Math.max(now + delay, receivers.get(to) ?? 0)
    receivers.set(to, due)
    return due - now
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random.uniform() < chance
  }

  #upTo(most: number): number {
    return most > 0 ? this.#random.uniform() * most : 0
  }
}

function nearest(peers: ReadonlySet<PeerId>, times: ReadonlyMap<PeerId, number>): PeerId | undefined {
  let best: PeerId | undefined
  for (const peer of peers) {
    if (best === undefined || (times.get(peer) ?? Infinity) < (times.get(best) ?? Infinity)) best = peer
  }
  return best
}
