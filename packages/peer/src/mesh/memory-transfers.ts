import type { Clock, PeerId } from '@peergrad/core'
import type { LinkTable } from './link-conditions.js'
import type { MemoryHost } from './memory-host.js'

/** Bytes of tensors a second that a peer can send, and that it can receive. */
export interface Bandwidth {
  readonly up: number
  readonly down: number
}

/** A host's way out, or its way in: what moves on it has an even share each. */
interface Way {
  /** bytes a second */
  readonly bandwidth: number
  readonly flows: Set<Flow>
  /** bytes a millisecond of each flow */
  share: number
  /** bytes that a flow would have moved that this way alone had kept from moving faster all the time */
  served: number
  /** the time that `served` is of */
  since: number
  cancel: () => void
}

interface Flow extends TransferInit {
  readonly out: Way
  readonly into: Way
  sent: number
  /** byte count at which the flow is looked at next */
  mark: number
  /** the way that keeps it from moving faster; undefined when its link does, or nothing */
  limit: Way | undefined
  /** what that way will have served when the flow is at its mark */
  target: number
  /** without such a way: bytes a millisecond */
  rate: number
  /** the time that `sent` is of then */
  since: number
  cancel: () => void
}

export interface TransferInit {
  readonly from: MemoryHost
  readonly to: MemoryHost
  readonly bytes: number
  /** called with the bytes sent so far: when half of them are, when all are, and when the transfer is cut */
  readonly moved: (sent: number) => void
  /** it moves, or stands still because a link is blocked or one of the two is stopped */
  readonly moving: (moves: boolean) => void
}

/**
 * Tensors on their way: each gets an even share of its link, of its sender's way out and of its receiver's way in,
 * whichever is least. What others cannot use of a way is not shared out again. All that one way limits move alike, so a way
 * waits for the first of them alone, however many there are.
 */
export class MemoryTransfers {
  readonly #clock: Clock
  readonly #links: LinkTable
  readonly #bandwidth: (peer: PeerId) => Bandwidth
  readonly #out = new WeakMap<MemoryHost, Way>()
  readonly #into = new WeakMap<MemoryHost, Way>()
  readonly #flows = new Set<Flow>()
  /** flows that may have begun or ceased to move */
  readonly #unsure = new Set<Flow>()
  /** ways on which the number of flows changed */
  readonly #changed = new Set<Way>()
  /** ways that may wait for another flow than before */
  readonly #touched = new Set<Way>()
  #sharing = false

  constructor(init: { clock: Clock; links: LinkTable; bandwidth: (peer: PeerId) => Bandwidth }) {
    this.#clock = init.clock
    this.#links = init.links
    this.#bandwidth = init.bandwidth
  }

  /** Returns what cuts the transfer. */
  start(init: TransferInit): () => void {
    const { from, to, bytes, moved, moving } = init
    // written out: what is spread with so many more beside it becomes a dictionary of V8's
    const flow: Flow = {
      from,
      to,
      bytes,
      moved,
      moving,
      out: this.#way(this.#out, from, 'up'),
      into: this.#way(this.#into, to, 'down'),
      sent: 0,
      mark: bytes / 2,
      limit: undefined,
      target: 0,
      rate: 0,
      since: this.#clock.now(),
      cancel: () => {}
    }
    this.#flows.add(flow)
    this.#unsure.add(flow)
    this.#shareSoon()
    return () => {
      if (!this.#flows.has(flow)) return
      this.#settle(flow)
      flow.moved(Math.floor(flow.sent))
      this.#end(flow)
    }
  }

  /** The state of a link or a host has changed. */
  review(): void {
    for (const flow of this.#flows) this.#unsure.add(flow)
    this.#shareSoon()
  }

  /** Once for all that happens at this time. */
  #shareSoon(): void {
    if (this.#sharing || this.#unsure.size + this.#changed.size + this.#touched.size === 0) return
    this.#sharing = true
    this.#clock.after(0, () => this.#share())
  }

  #share(): void {
    this.#sharing = false
    const unsure = [...this.#unsure]
    this.#unsure.clear()
    for (const flow of unsure) this.#place(flow)
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const way of changed) {
      this.#serve(way)
      // what is forgotten rounds nothing
      if (way.flows.size === 0) way.served = 0
      way.share = way.bandwidth / way.flows.size / 1000
      this.#touched.add(way)
    }
    for (const flow of unsure) if (flow.out.flows.has(flow)) this.#pace(flow)
    for (const way of changed) for (const flow of way.flows) this.#pace(flow)
    const touched = [...this.#touched]
    this.#touched.clear()
    for (const way of touched) this.#waitOn(way)
  }

  #place(flow: Flow): void {
    const { from, to, out, into } = flow
    const moves = this.#flows.has(flow) && from.running && to.running && this.#links.open(from.peer, to.peer)
    if (moves === out.flows.has(flow)) return
    if (!moves) this.#leave(flow)
    for (const way of [out, into]) {
      if (moves) way.flows.add(flow)
      else way.flows.delete(flow)
      this.#changed.add(way)
    }
    flow.moving(moves)
  }

  /** What limits a flow that moves, as shares are now. */
  #pace(flow: Flow): void {
    const { from, to, out, into } = flow
    const way = out.share <= into.share ? out : into
    const { bandwidth } = this.#links.conditions(from.peer, to.peer)
    if (bandwidth === Infinity && way.share < Infinity) {
      if (flow.limit === way) return
      this.#leave(flow)
      this.#serve(way)
      flow.limit = way
      flow.target = way.served + flow.mark - flow.sent
      this.#touched.add(way)
      return
    }
    const onLink = bandwidth === Infinity ? 1 : [...out.flows].filter((other) => other.to === to).length
    const rate = Math.min(way.share, bandwidth / onLink / 1000)
    if (flow.limit === undefined && rate === flow.rate) return
    this.#leave(flow)
    flow.rate = rate
    this.#wait(flow)
  }

  /** Nothing limits the flow any more: it stands still where it has come to. */
  #leave(flow: Flow): void {
    this.#settle(flow)
    flow.cancel()
    if (flow.limit !== undefined) this.#touched.add(flow.limit)
    flow.limit = undefined
    flow.rate = 0
  }

  /** Until half of a flow that is limited by no way, or all of it, is there. */
  #wait(flow: Flow): void {
    if (flow.rate === 0) return
    flow.cancel = this.#clock.after((flow.mark - flow.sent) / flow.rate, () => {
      flow.since = this.#clock.now()
      this.#reach(flow)
      if (this.#flows.has(flow)) this.#wait(flow)
    })
  }

  /** Until the first of the flows that the way limits is at its mark. */
  #waitOn(way: Way): void {
    way.cancel()
    let first = Infinity
    for (const { limit, target } of way.flows) if (limit === way && target < first) first = target
    if (first === Infinity || way.share === 0) return
    this.#serve(way)
    way.cancel = this.#clock.after((first - way.served) / way.share, () => {
      // to the last digit, so that equal transfers end together
      way.served = first
      way.since = this.#clock.now()
      const there = [...way.flows].filter(({ limit, target }) => limit === way && target <= first)
      for (const flow of there) if (flow.limit === way) this.#reach(flow)
      this.#touched.add(way)
      this.#shareSoon()
    })
  }

  /** The flow is at its mark. */
  #reach(flow: Flow): void {
    flow.sent = flow.mark
    if (flow.sent === flow.bytes) this.#end(flow)
    else {
      flow.mark = flow.bytes
      flow.target += flow.mark - flow.sent
    }
    flow.moved(Math.floor(flow.sent))
  }

  /** Moves a flow to now; one without a limit moves only when it is its time. */
  #settle(flow: Flow): void {
    const { limit } = flow
    if (limit !== undefined) {
      this.#serve(limit)
      flow.sent = Math.min(flow.mark, Math.max(flow.sent, flow.mark - (flow.target - limit.served)))
    }
    const now = this.#clock.now()
    if (limit === undefined && flow.rate < Infinity)
      flow.sent = Math.min(flow.mark, flow.sent + flow.rate * (now - flow.since))
    flow.since = now
  }

  /** Moves what a way has served to now. */
  #serve(way: Way): void {
    const now = this.#clock.now()
    if (way.share < Infinity) way.served += way.share * (now - way.since)
    way.since = now
  }

  #end(flow: Flow): void {
    flow.cancel()
    flow.limit = undefined
    this.#flows.delete(flow)
    this.#unsure.delete(flow)
    for (const way of [flow.out, flow.into]) if (way.flows.delete(flow)) this.#changed.add(way)
    this.#shareSoon()
  }

  #way(ways: WeakMap<MemoryHost, Way>, host: MemoryHost, direction: keyof Bandwidth): Way {
    let way = ways.get(host)
    if (way === undefined) {
      const bandwidth = this.#bandwidth(host.peer)[direction]
      way = { bandwidth, flows: new Set(), share: 0, served: 0, since: this.#clock.now(), cancel: () => {} }
      ways.set(host, way)
    }
    return way
  }
}
