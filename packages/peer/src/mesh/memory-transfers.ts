import type { Clock } from '@peergrad/core'
import type { LinkTable } from './link-conditions.js'
import type { MemoryHost } from './memory-host.js'

interface Flow extends TransferInit {
  sent: number
  /** bytes a millisecond */
  rate: number
  /** byte count at which the flow is looked at next */
  mark: number
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

/** Less than this is not waited for, in bytes: sums of rates are not exact. */
const REST = 1e-3
/** Time must move between two looks, in milliseconds. */
const TICK = 1e-6

/**
 * Tensors on their way: each gets an even share of its link, of its sender's way out and of its receiver's way in,
 * whichever is least.
 */
export class MemoryTransfers {
  readonly #clock: Clock
  readonly #links: LinkTable
  /** of each host's way out, and of its way in, in bytes a second */
  readonly #bandwidth: number
  readonly #flows = new Set<Flow>()
  #last = 0
  #cancel: () => void = () => {}

  constructor({ clock, links, bandwidth }: { clock: Clock; links: LinkTable; bandwidth: number }) {
    this.#clock = clock
    this.#links = links
    this.#bandwidth = bandwidth
  }

  /** Returns what cuts the transfer. */
  start(init: TransferInit): () => void {
    this.#settle()
    const flow: Flow = { ...init, sent: 0, rate: 0, mark: init.bytes / 2 }
    this.#flows.add(flow)
    this.#share()
    return () => {
      this.#settle()
      if (this.#flows.delete(flow)) this.#share()
    }
  }

  /** The state of a link or a host has changed. */
  review(): void {
    if (this.#flows.size === 0) return
    this.#settle()
    this.#share()
  }

  /** Moves all flows to now; those without a limit only when it is their time. */
  #settle(instant = false): void {
    const now = this.#clock.now()
    const passed = now - this.#last
    this.#last = now
    const moved: Flow[] = []
    for (const flow of this.#flows) {
      if (flow.rate === 0 || (flow.rate === Infinity && !instant)) continue
      const sent = flow.rate === Infinity ? flow.mark : flow.sent + flow.rate * passed
      flow.sent = flow.mark - sent < REST ? flow.mark : sent
      if (flow.sent === flow.bytes) this.#flows.delete(flow)
      else if (flow.sent === flow.mark) flow.mark = flow.bytes
      moved.push(flow)
    }
    for (const flow of moved) flow.moved(Math.floor(flow.sent))
  }

  #share(): void {
    const out = new Map<MemoryHost, number>()
    const into = new Map<MemoryHost, number>()
    const moving: Flow[] = []
    for (const flow of this.#flows) {
      const { from, to } = flow
      const moves = from.running && to.running && this.#links.open(from.peer, to.peer)
      if (moves !== flow.rate > 0) flow.moving(moves)
      flow.rate = 0
      if (!moves) continue
      moving.push(flow)
      out.set(from, (out.get(from) ?? 0) + 1)
      into.set(to, (into.get(to) ?? 0) + 1)
    }
    for (const flow of moving) {
      const { from, to } = flow
      const onLink = moving.filter((other) => other.from === from && other.to === to).length
      flow.rate =
        Math.min(
          this.#links.conditions(from.peer, to.peer).bandwidth / onLink,
          this.#bandwidth / (out.get(from) ?? 1),
          this.#bandwidth / (into.get(to) ?? 1)
        ) / 1000
    }
    this.#wake()
  }

  #wake(): void {
    this.#cancel()
    this.#cancel = () => {}
    let delay = Infinity
    for (const { mark, sent, rate } of this.#flows) {
      if (rate === Infinity) delay = 0
      else if (rate > 0) delay = Math.min(delay, Math.max(TICK, (mark - sent) / rate))
    }
    if (delay === Infinity) return
    this.#cancel = this.#clock.after(delay, () => {
      this.#settle(true)
      this.#share()
    })
  }
}
