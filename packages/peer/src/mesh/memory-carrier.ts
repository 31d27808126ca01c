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

  /** Best effort, and twice when it so happens. `conditions` are those of the whole way, `latency` too. */
  datagram(
    {
      from,
      to,
      conditions,
      latency
    }: { from: MemoryHost; to: MemoryHost; conditions: LinkConditions; latency: number },
    arrive: () => void
  ): void {
    if (conditions.blocked || this.#happens(conditions.loss)) return
    const delay = latency + conditions.delay + this.#upTo(conditions.jitter)
    const late = this.#happens(conditions.reorder)
    const due = late ? delay + this.#upTo(REORDER) : this.#inOrder(this.#datagrams, from, to, delay)
    this.#at(due, from, to, arrive)
    if (this.#happens(conditions.duplicates)) this.#at(delay + this.#upTo(DUPLICATE), from, to, arrive)
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
   * The ways from one peer to all whom its announcement reaches: straight where the link is open, else by the least
   * time over others, who pass it on. `peers` are there in all.
   */
  routes(from: PeerId, peers: number, neighbours: (peer: PeerId) => Iterable<PeerId>): Map<PeerId, Route> {
    const routes = new Map<PeerId, Route>()
    for (const to of neighbours(from)) if (!this.#links.blocked(from, to)) routes.set(to, [from, to])
    if (routes.size === peers - 1) return routes
    const times = new Map([...routes.keys()].map((to) => [to, this.#time(from, to)]))
    const straight = new Set(routes.keys())
    const todo = new Set(routes.keys())
    for (let via = nearest(todo, times); via !== undefined; via = nearest(todo, times)) {
      todo.delete(via)
      for (const to of neighbours(via)) {
        if (to === from || straight.has(to) || this.#links.blocked(via, to)) continue
        const time = (times.get(via) ?? 0) + this.#time(via, to)
        if (time >= (times.get(to) ?? Infinity)) continue
        times.set(to, time)
        routes.set(to, [...(routes.get(via) ?? []), to])
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
