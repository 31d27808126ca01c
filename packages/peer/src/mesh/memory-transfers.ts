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
  /** bytes a second of each flow when they were last paced */
  share: number
  /** that share may be what keeps one of them from moving faster: it was the lesser of its two ways' */
  limits: boolean
}

interface Flow extends TransferInit {
  readonly out: Way
  readonly into: Way
  sent: number
  /** the time that `sent` is of */
  since: number
  /** bytes a millisecond */
  rate: number
  /** byte count at which the flow is looked at next */
  mark: number
  cancel: () => void
}

export interface TransferInit {
  readonly from: MemoryHost
  readonly to: MemoryHost
  readonly bytes: number
  /** called with the bytes sent so far: when half of them are, when all are, and whenever somebody's share changes */
  readonly moved: (sent: number) => void
  /** it moves, or stands still because a link is blocked or one of the two is stopped */
  readonly moving: (moves: boolean) => void
}

/**
 * Tensors on their way: each gets an even share of its link, of its sender's way out and of its receiver's way in,
 * whichever is least. What others cannot use of a way is not shared out again.
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
      since: this.#clock.now(),
      rate: 0,
      mark: bytes / 2,
      cancel: () => {}
    }
    this.#flows.add(flow)
    this.#unsure.add(flow)
    this.#shareSoon()
    return () => {
      if (!this.#flows.has(flow)) return
      this.#settle(flow)
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
    if (this.#sharing || this.#unsure.size + this.#changed.size === 0) return
    this.#sharing = true
    this.#clock.after(0, () => this.#share())
  }

  #share(): void {
    this.#sharing = false
    const affected = new Set(this.#unsure)
    this.#unsure.clear()
    for (const flow of affected) this.#place(flow)
    for (const way of this.#changed) if (changesPace(way)) for (const flow of way.flows) affected.add(flow)
    this.#changed.clear()
    for (const flow of affected) if (this.#flows.has(flow)) this.#pace(flow)
  }

  #place(flow: Flow): void {
    const { from, to, out, into } = flow
    const moves = this.#flows.has(flow) && from.running && to.running && this.#links.open(from.peer, to.peer)
    if (moves === out.flows.has(flow)) return
    for (const way of [out, into]) {
      if (moves) way.flows.add(flow)
      else way.flows.delete(flow)
      this.#changed.add(way)
    }
    flow.moving(moves)
  }

  #pace(flow: Flow): void {
    const rate = this.#rate(flow)
    if (rate === flow.rate) return
    this.#settle(flow)
    if (!this.#flows.has(flow)) return
    flow.rate = rate
    this.#wait(flow)
  }

  #rate(flow: Flow): number {
    const { from, to, out, into } = flow
    if (!out.flows.has(flow)) return 0
    const [outward, inward] = [shareOf(out), shareOf(into)]
    const share = Math.min(outward, inward)
    const { bandwidth } = this.#links.conditions(from.peer, to.peer)
    if (share === outward) out.limits = true
    if (share === inward) into.limits = true
    if (bandwidth === Infinity) return share / 1000
    const onLink = [...out.flows].filter((other) => other.to === to).length
    return Math.min(share, bandwidth / onLink) / 1000
  }

  /** Until half of the flow, or all of it, is there. */
  #wait(flow: Flow): void {
    flow.cancel()
    flow.cancel =
      flow.rate > 0 ? this.#clock.after((flow.mark - flow.sent) / flow.rate, () => this.#reach(flow)) : () => {}
  }

  #reach(flow: Flow): void {
    flow.sent = flow.mark
    flow.since = this.#clock.now()
    if (flow.sent === flow.bytes) {
      this.#end(flow)
    } else {
      flow.mark = flow.bytes
      this.#wait(flow)
    }
    flow.moved(Math.floor(flow.sent))
  }

  /** Moves a flow to now; one without a limit moves only when it is its time. */
  #settle(flow: Flow): void {
    const now = this.#clock.now()
    const passed = now - flow.since
    flow.since = now
    if (passed === 0 || flow.rate === 0 || flow.rate === Infinity) return
    flow.sent = Math.min(flow.mark, flow.sent + flow.rate * passed)
    flow.moved(Math.floor(flow.sent))
  }

  #end(flow: Flow): void {
    flow.cancel()
    this.#flows.delete(flow)
    this.#unsure.delete(flow)
    for (const way of [flow.out, flow.into]) if (way.flows.delete(flow)) this.#changed.add(way)
    this.#shareSoon()
  }

  #way(ways: WeakMap<MemoryHost, Way>, host: MemoryHost, direction: keyof Bandwidth): Way {
    let way = ways.get(host)
    if (way === undefined) {
      way = { bandwidth: this.#bandwidth(host.peer)[direction], flows: new Set(), share: Infinity, limits: false }
      ways.set(host, way)
    }
    return way
  }
}

const shareOf = ({ bandwidth, flows }: Way) => bandwidth / flows.size

/** Whether flows of a way whose number has changed may move faster or slower than they do; if so, all are to be paced. */
function changesPace(way: Way): boolean {
  const share = shareOf(way)
  const changes = way.limits || share < way.share
  way.share = share
  if (changes) way.limits = false
  return changes
}
