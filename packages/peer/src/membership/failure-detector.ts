import { Emitter, type Clock, type Mesh, type PeerId } from '@peergrad/core'

export interface FailureDetectorInit {
  readonly mesh: Mesh
  readonly clock: Clock
  /** milliseconds that a closed connection may take to come back */
  readonly reconnect: number
  /** milliseconds without a message after which a connected peer is suspected */
  readonly silence: number
}

interface DetectorEvents extends Record<string, unknown> {
  suspect: { readonly peer: PeerId; readonly reason: string }
  trust: { readonly peer: PeerId }
}

/**
 * Suspects peers that are disconnected for longer than `reconnect` or silent for longer than `silence`, and trusts
 * them again when they speak. A suspicion is an opinion of this peer; who leaves the view is decided by agreement.
 */
export class FailureDetector extends Emitter<DetectorEvents> {
  readonly #init: FailureDetectorInit
  readonly #suspects = new Set<PeerId>()
  /** said that they go: nothing that they still send makes them stay */
  readonly #left = new Set<PeerId>()
  readonly #timers = new Map<PeerId, () => void>()
  readonly #off: (() => void)[]

  constructor(init: FailureDetectorInit) {
    super()
    this.#init = init
    this.#off = [
      init.mesh.on('connect', ({ peer }) => this.#timers.has(peer) && this.heard(peer)),
      init.mesh.on('disconnect', ({ peer }) => {
        if (this.#timers.has(peer)) this.#arm(peer, init.reconnect, 'its connection closed')
      })
    ]
  }

  /** Starts to watch a peer; one that is not connected is given `silence` to appear. */
  watch(peer: PeerId): void {
    if (!this.#timers.has(peer)) this.#arm(peer, this.#init.silence, `no sign of it for ${this.#init.silence} ms`)
  }

  forget(peer: PeerId): void {
    this.#timers.get(peer)?.()
    this.#timers.delete(peer)
    this.#suspects.delete(peer)
    this.#left.delete(peer)
  }

  suspects(peer: PeerId): boolean {
    return this.#suspects.has(peer)
  }

  /** A sign of life. */
  heard(peer: PeerId): void {
    if (!this.#timers.has(peer) || this.#left.has(peer)) return
    this.#arm(peer, this.#init.silence, `no sign of it for ${this.#init.silence} ms`)
    if (this.#suspects.delete(peer)) this.emit('trust', { peer })
  }

  /** The peer said itself that it goes. */
  leaves(peer: PeerId): void {
    if (!this.#timers.has(peer)) return
    this.#left.add(peer)
    this.#suspect(peer, 'it left')
  }

  close(): void {
    for (const off of this.#off) off()
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  #arm(peer: PeerId, delay: number, reason: string): void {
    this.#timers.get(peer)?.()
    this.#timers.set(
      peer,
      this.#init.clock.after(delay, () => this.#suspect(peer, reason))
    )
  }

  #suspect(peer: PeerId, reason: string): void {
    if (this.#suspects.has(peer)) return
    this.#suspects.add(peer)
    this.emit('suspect', { peer, reason })
  }
}
