import { peerIdFromString } from '@libp2p/peer-id'
import { PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import type { Contacts } from './contacts.js'
import { HELLO_PROTOCOL } from './introductions.js'
import type { Introductions } from './introductions.js'
import type { NetworkNode } from './node.js'

export interface MembersInit {
  readonly node: NetworkNode
  readonly introductions: Introductions
  readonly contacts: Contacts
  readonly connected: (peer: PeerId) => void
  readonly disconnected: (peer: PeerId) => void
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** Who of the run is connected, from the hello until the last connection closes. */
export class Members {
  readonly #init: MembersInit
  readonly #ready = new Set<PeerId>()
  readonly #present = new Map<PeerId, AbortController>()

  constructor(init: MembersInit) {
    this.#init = init
    const { node, contacts } = init
    node.addEventListener('peer:identify', ({ detail }) => {
      if (detail.protocols.includes(HELLO_PROTOCOL)) void this.#greet(detail.peerId.toString())
    })
    node.addEventListener('peer:disconnect', ({ detail }) => this.#gone(detail.toString()))
    node.addEventListener(
      'peer:discovery',
      ({ detail }) => void contacts.learn(detail.id.toString(), detail.multiaddrs)
    )
  }

  list(): readonly PeerId[] {
    return [...this.#ready]
  }

  has(peer: PeerId): boolean {
    return this.#ready.has(peer)
  }

  async #greet(peer: PeerId): Promise<void> {
    const { node, introductions, contacts, log } = this.#init
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
      if (!gone.signal.aborted)
        await node.hangUp(peerIdFromString(peer), { signal: AbortSignal.timeout(1000) }).catch(() => undefined)
    }
  }

  #gone(peer: PeerId): void {
    this.#present.get(peer)?.abort(new PeergradError('unreachable', `${peer} disconnected`))
    this.#present.delete(peer)
    this.#init.contacts.lost(peer)
    if (this.#ready.delete(peer)) this.#init.disconnected(peer)
  }
}
