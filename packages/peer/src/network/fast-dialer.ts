import { PeergradError } from '@peergrad/core'
import type { Offence, PeerId } from '@peergrad/core'
import type { FastLane } from './fast-lane.js'
import { timedOut } from './network-error.js'
import type { OpenWire } from './tensor-client.js'
import { TRANSFERS_PER_PEER } from './tensor-server.js'
import { WireReader } from './wire-reader.js'
import type { Wire } from './wire.js'
import { within } from './within.js'

/** A firewall that drops packets must not cost a transfer its deadline. */
const DIAL_MILLISECONDS = 1500
/** After a failure the stream lane is used for so long. */
const DISTRUST_MILLISECONDS = 60_000
/** Shorter than what the other side allows, so that it never closes a socket that we are about to use. */
const IDLE_MILLISECONDS = 30_000

interface Idle {
  readonly open: OpenWire
  readonly timer: NodeJS.Timeout
}

/** The receiver's end of the fast lane: which peers offer it, and sockets kept for their next transfer. */
export class FastDialer {
  readonly #lane: FastLane
  readonly #report: (peer: PeerId, offence: Offence) => void
  readonly #ports = new Map<PeerId, number>()
  readonly #distrusted = new Map<PeerId, number>()
  readonly #idle = new Map<PeerId, Idle[]>()

  constructor(lane: FastLane, report: (peer: PeerId, offence: Offence) => void) {
    this.#lane = lane
    this.#report = report
  }

  /** The peer said over its authenticated connection where its fast lane is; 0 for none. */
  learn(peer: PeerId, port: number): void {
    if (port > 0) this.#ports.set(peer, port)
    else this.#ports.delete(peer)
    this.#distrusted.delete(peer)
  }

  /** The peer went: its port means nothing any more. */
  forget(peer: PeerId): void {
    this.#ports.delete(peer)
    for (const { open } of this.#idle.get(peer) ?? []) open.wire.abort(new PeergradError('aborted', `${peer} went`))
  }

  /** Undefined when the peer does not offer the lane, or cannot be reached on it for now. */
  async open(peer: PeerId, host: string, signal: AbortSignal): Promise<OpenWire | undefined> {
    const port = this.#ports.get(peer)
    if (port === undefined || (this.#distrusted.get(peer) ?? 0) > performance.now()) return undefined
    const idle = this.#takeIdle(peer)
    if (idle !== undefined) return idle
    try {
      const wire = await within(DIAL_MILLISECONDS, signal, (limit) => this.#lane.dial(peer, host, port, limit))
      const open: OpenWire = {
        wire,
        reader: new WireReader(wire),
        release: () => this.#keepIdle(peer, open),
        broke: () => this.#distrust(peer)
      }
      void wire.broken.then(() => this.#drop(peer, wire))
      return open
    } catch {
      // one that was given up says nothing of the lane
      if (!signal.aborted || timedOut(signal)) this.#distrust(peer)
      return undefined
    }
  }

  #distrust(peer: PeerId): boolean {
    this.#distrusted.set(peer, performance.now() + DISTRUST_MILLISECONDS)
    return true
  }

  #takeIdle(peer: PeerId): OpenWire | undefined {
    const idle = this.#idle.get(peer)?.pop()
    if (idle === undefined) return undefined
    clearTimeout(idle.timer)
    // one that broke while it was idle says nothing about the lane
    if (idle.open.reader.unread === 0) return { ...idle.open, broke: () => true }
    this.#report(peer, 'oversize')
    idle.open.wire.abort(new PeergradError('corrupt', `${peer} sent bytes that nobody asked for`))
    return undefined
  }

  #keepIdle(peer: PeerId, open: OpenWire): void {
    const idle = this.#idle.get(peer) ?? []
    this.#idle.set(peer, idle)
    if (open.reader.ended || idle.length >= TRANSFERS_PER_PEER) return open.wire.close()
    idle.push({ open, timer: setTimeout(() => open.wire.close(), IDLE_MILLISECONDS) })
  }

  /** A wire that broke while it was idle. */
  #drop(peer: PeerId, wire: Wire): void {
    const idle = this.#idle.get(peer) ?? []
    const broken = idle.find(({ open }) => open.wire === wire)
    if (broken === undefined) return
    clearTimeout(broken.timer)
    idle.splice(idle.indexOf(broken), 1)
  }
}
