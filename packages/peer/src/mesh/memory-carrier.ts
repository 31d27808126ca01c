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

/** Of one way between two processes, by sender and receiver. */
type Ways<T> = Map<MemoryHost, Map<MemoryHost, T>>

/** Part of a stream on its way. */
interface Sent {
  readonly arrive: () => void
  /** it waits only for what was sent before it */
  there: boolean
}

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
  /** when what was sent last arrives */
  readonly #datagrams: Ways<number> = new Map()
  /** what has not arrived, in the order in which it was sent */
  readonly #streams: Ways<Sent[]> = new Map()

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

  /** Part of a stream, on a link that is not blocked: what is lost is sent again. What a killed process sent last never arrives. */
  stream(from: MemoryHost, to: MemoryHost, arrive: () => void): void {
    const sent = this.#send(from, to, () => {
      if (!from.killed) to.run(arrive)
    })
    this.#transmit(from, to, sent, RETRANSMIT.least)
  }

  /** The end of a connection comes after all that was sent on it. */
  last(from: MemoryHost, to: MemoryHost, arrive: () => void): void {
    const sent = this.#send(from, to, () => to.run(arrive))
    const due = this.#inOrder(this.#datagrams, from, to, this.#time(from.peer, to.peer))
    this.#clock.after(due, () => this.#land(from, to, sent))
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

  #send(from: MemoryHost, to: MemoryHost, arrive: () => void): Sent {
    const receivers = this.#receivers(this.#streams, from)
    const sent = { arrive, there: false }
    const before = receivers.get(to)
    if (before === undefined) receivers.set(to, [sent])
    else before.push(sent)
    return sent
  }

  /** Whether it is lost depends on the link as it is now; `wait`: milliseconds until it is sent again then. */
  #transmit(from: MemoryHost, to: MemoryHost, sent: Sent, wait: number): void {
    const conditions = this.#links.conditions(from.peer, to.peer)
    if (!from.killed && this.#happens(conditions.loss)) {
      this.#clock.after(wait, () => this.#transmit(from, to, sent, Math.min(RETRANSMIT.most, 2 * wait)))
      return
    }
    const delay = this.#links.latency(from.peer, to.peer) + conditions.delay + this.#upTo(conditions.jitter)
    this.#clock.after(delay, () => this.#land(from, to, sent))
  }

  /** It arrives, and what waited for it, unless it must wait itself. */
  #land(from: MemoryHost, to: MemoryHost, sent: Sent): void {
    const receivers = this.#receivers(this.#streams, from)
    const onItsWay = receivers.get(to) ?? []
    sent.there = true
    while (onItsWay[0]?.there) onItsWay.shift()?.arrive()
    if (onItsWay.length === 0) receivers.delete(to)
  }

  #inOrder(arrivals: Ways<number>, from: MemoryHost, to: MemoryHost, delay: number): number {
    const now = this.#clock.now()
    const receivers = this.#receivers(arrivals, from)
    const due = Math.max(now + delay, receivers.get(to) ?? 0)
    receivers.set(to, due)
    return due - now
  }

  #receivers<T>(ways: Ways<T>, from: MemoryHost): Map<MemoryHost, T> {
    let receivers = ways.get(from)
    if (receivers === undefined) ways.set(from, (receivers = new Map()))
    return receivers
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
