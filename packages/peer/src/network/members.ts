import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import { peerIdFromString } from '../bundled/names.js'
import type { Contacts } from './contacts.js'
import { HELLO_PROTOCOL } from './introductions.js'
import type { Introductions } from './introductions.js'
import type { NetworkNode } from './node.js'
import { abortConnection } from './abort-connection.js'

export interface MembersInit {
  readonly node: NetworkNode
  readonly introductions: Introductions
  readonly contacts: Contacts
  /** whether a peer that libp2p heard of is one to be connected to */
  readonly discovers: (peer: PeerId) => boolean
  readonly connected: (peer: PeerId) => void
  readonly disconnected: (peer: PeerId) => void
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** Milliseconds that a connection may take until it is known who is there, on a machine where hundreds begin at once. */
const NAMELESS = 20_000

/** Who of the run is connected, from the hello until the last connection closes. */
export class Members {
  readonly #init: MembersInit
  readonly #ready = new Set<PeerId>()
  readonly #present = new Map<PeerId, AbortController>()
  /** since when somebody is connected of whom nothing else is known yet */
  readonly #nameless = new Map<PeerId, number>()

  constructor(init: MembersInit) {
    this.#init = init
    const { node, contacts } = init
    node.addEventListener('peer:connect', ({ detail }) => this.#nameless.set(detail.toString(), performance.now()))
    node.addEventListener('peer:identify', ({ detail }) => {
      this.#nameless.delete(detail.peerId.toString())
      if (detail.protocols.includes(HELLO_PROTOCOL)) void this.#greet(detail.peerId.toString())
    })
    node.addEventListener('peer:disconnect', ({ detail }) => this.#gone(detail.toString()))
    node.addEventListener('peer:discovery', ({ detail }) => {
      const peer = detail.id.toString()
      if (init.discovers(peer)) void contacts.learn(peer, detail.multiaddrs)
    })
  }

  list(): readonly PeerId[] {
    return [...this.#ready]
  }

  has(peer: PeerId): boolean {
    return this.#ready.has(peer)
  }

  /** Hangs up on connections that came to nothing, so that they are made anew. */
  look(now: number): void {
    for (const { remotePeer } of this.#init.node.getConnections()) {
      const peer = remotePeer.toString()
      // one that was left over when the hello on another one failed: nobody will say who is there
      if (!this.#present.has(peer) && !this.#nameless.has(peer)) this.#nameless.set(peer, now)
    }
    for (const [peer, since] of this.#nameless) {
      if (now - since < NAMELESS) continue
      this.#init.log({ peer }, 'its connection is closed, for it did not say who it is')
      void this.hangUp(peer)
    }
  }

  async #greet(peer: PeerId): Promise<void> {
    const { introductions, contacts, log } = this.#init
    if (this.#present.has(peer)) return
    const gone = new AbortController()
    this.#present.set(peer, gone)
    try {
      const ofThisRun = await introductions.greet(peer, gone.signal)
      if (!ofThisRun) return log({ peer }, 'a peer of another run connected')
      if (gone.signal.aborted) return
      this.#ready.add(peer)
      contacts.reached(peer)
      this.#init.connected(peer)
    } catch (thrown) {
      log({ peer, error: PeergradError.from(thrown).message }, 'hello failed')
      if (gone.signal.aborted) return
      await this.hangUp(peer)
      // when the connection had closed before it was known whose it was, nobody says so any more
      if (this.#present.get(peer) === gone) this.#present.delete(peer)
    }
  }

  /** Closes all connections to a peer, and ends those that do not close within a second. */
  async hangUp(peer: PeerId): Promise<void> {
    const { node } = this.#init
    const id = peerIdFromString(peer)
    this.#nameless.delete(peer)
    try {
      await node.hangUp(id, { signal: AbortSignal.timeout(1000) })
    } catch (thrown) {
      for (const connection of node.getConnections(id)) abortConnection(connection, PeergradError.from(thrown))
    }
  }

  #gone(peer: PeerId): void {
    this.#nameless.delete(peer)
    this.#present.get(peer)?.abort(new PeergradError('unreachable', `${peer} disconnected`))
    this.#present.delete(peer)
    this.#init.contacts.lost(peer)
    if (this.#ready.delete(peer)) this.#init.disconnected(peer)
  }
}
