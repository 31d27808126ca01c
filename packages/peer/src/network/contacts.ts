import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@peergrad/core'
import { peerIdFromString } from '../bundled/names.js'
import { reasonOf } from './network-error.js'
import { within } from './within.js'

/** Peers to keep in mind, so that hearsay cannot fill the memory: two of the largest views. */
const CONTACT_LIMIT = 2048
/** Handshakes of a whole swarm at once take long on a busy machine, and one that was given up was work for nothing. */
const DIAL_MILLISECONDS = 10_000
/** The two sides of a partition that healed should not miss each other for long; a stranger is in no hurry. */
const BACKOFF = { first: 250, factor: 2, most: { known: 5000, stranger: 30_000 } }
/** Peers that went and are each dialled as often as that. Of more, each is dialled more seldom: live ones need the same dials. */
const AWAY = 16
/** Addresses of a peer that are kept, so that those who lie cannot bury where it is. */
const ADDRESS_LIMIT = 16
/** Milliseconds in which addresses that are all that is kept must have been good for something. */
const GOOD_FOR = 3_600_000
/** Dials of a peer that was never reached. One that was is dialled until it is forgotten. */
const STRANGER_ATTEMPTS = 8

interface Contact {
  attempts: number
  reached: boolean
  dialling: boolean
  timer: NodeJS.Timeout | undefined
  /** when its addresses were last taken for others */
  renewed: number
}

const isAway = ({ reached, dialling, timer }: Contact) => reached && (dialling || timer !== undefined)

export interface ContactsInit {
  readonly node: Libp2p
  readonly excluded: (peer: PeerId) => boolean
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** Peers that this one means to be connected to: it dials them, and again with growing pauses when they are lost. */
export class Contacts {
  readonly #init: ContactsInit
  readonly #contacts = new Map<PeerId, Contact>()
  /** until when each is not dialled, by `performance.now` */
  readonly #forgotten = new Map<PeerId, number>()
  readonly #closing = new AbortController()

  constructor(init: ContactsInit) {
    this.#init = init
  }

  /** Whether a dial to the peer is under way. */
  dialling(peer: PeerId): boolean {
    return this.#contacts.get(peer)?.dialling === true
  }

  /** Somebody named this peer. Dials it unless it is connected, known already, or was to be forgotten. */
  async learn(peer: PeerId, addresses: readonly Multiaddr[]): Promise<void> {
    const { node, excluded } = this.#init
    if (excluded(peer) || peer === node.peerId.toString() || this.#closing.signal.aborted) return
    const known = this.#contacts.get(peer)
    if (known !== undefined) return this.#addresses(peer, addresses)
    if (this.#forgotten.has(peer) || !this.#makeRoom()) return
    const contact = this.#add(peer)
    await node.peerStore.merge(peerIdFromString(peer), { multiaddrs: [...addresses] })
    await this.#dial(peer, contact)
  }

  /** Whether there are peers that this one means to reach and does not: others may know where they are by now. */
  get missing(): boolean {
    return [...this.#contacts.keys()].some((peer) => !this.#connected(peer))
  }

  reached(peer: PeerId): void {
    this.#forgotten.delete(peer)
    if (!this.#contacts.has(peer)) this.#makeRoom()
    const contact = this.#contacts.get(peer) ?? this.#add(peer)
    contact.reached = true
    contact.attempts = 0
    clearTimeout(contact.timer)
    contact.timer = undefined
  }

  lost(peer: PeerId): void {
    const contact = this.#contacts.get(peer)
    if (contact !== undefined) this.#later(peer, contact)
  }

  /** Whoever was reached is dialled again, should its last dial have ended without a word of how the connection did. */
  look(): void {
    const now = performance.now()
    for (const [peer, until] of this.#forgotten) if (until <= now) this.#forgotten.delete(peer)
    for (const [peer, contact] of this.#contacts) {
      const idle = contact.reached && !contact.dialling && contact.timer === undefined
      if (idle && !this.#connected(peer)) this.#later(peer, contact)
    }
  }

  /** No more dials to it for so many milliseconds, or until it comes by itself. */
  forget(peer: PeerId, milliseconds: number): void {
    clearTimeout(this.#contacts.get(peer)?.timer)
    this.#contacts.delete(peer)
    this.#forgotten.set(peer, performance.now() + milliseconds)
  }

  close(): void {
    this.#closing.abort()
    for (const contact of this.#contacts.values()) clearTimeout(contact.timer)
    this.#contacts.clear()
  }

  /** What others say of a peer that is not here: it may be behind a relay since, or have moved. */
  async #addresses(peer: PeerId, addresses: readonly Multiaddr[]): Promise<void> {
    if (this.#connected(peer)) return
    const id = peerIdFromString(peer)
    const { peerStore } = this.#init.node
    // none of a peer that the store does not know, or has forgotten
    const { addresses: known } = await peerStore.get(id).catch(() => ({ addresses: [] }))
    const more = addresses.filter((address) => !known.some(({ multiaddr }) => multiaddr.equals(address)))
    const contact = this.#contacts.get(peer)
    if (more.length === 0 || contact === undefined) return
    if (known.length + more.length <= ADDRESS_LIMIT) await peerStore.merge(id, { multiaddrs: more })
    else {
      if (performance.now() - contact.renewed < GOOD_FOR) return
      contact.renewed = performance.now()
      await peerStore.patch(id, { multiaddrs: addresses.slice(0, ADDRESS_LIMIT) })
    }
    if (contact.dialling) return
    contact.attempts = 0
    this.#later(peer, contact)
  }

  #connected(peer: PeerId): boolean {
    return this.#init.node.getConnections(peerIdFromString(peer)).length > 0
  }

  /** Whether there is room for one more: where half of the contacts are peers that went, who was dialled in vain most often gives way. */
  #makeRoom(): boolean {
    if (this.#contacts.size < CONTACT_LIMIT) return true
    const gone = [...this.#contacts].filter(([peer, { reached }]) => reached && !this.#connected(peer))
    if (gone.length < CONTACT_LIMIT / 2) return false
    const [peer, { timer }] = gone.reduce((most, each) => (each[1].attempts > most[1].attempts ? each : most))
    clearTimeout(timer)
    return this.#contacts.delete(peer)
  }

  #add(peer: PeerId): Contact {
    const contact = { attempts: 0, reached: false, dialling: false, timer: undefined, renewed: performance.now() }
    this.#contacts.set(peer, contact)
    return contact
  }

  async #dial(peer: PeerId, contact: Contact): Promise<void> {
    const { node, log } = this.#init
    const id = peerIdFromString(peer)
    if (this.#connected(peer) || contact.dialling) return
    contact.dialling = true
    contact.attempts++
    try {
      await within(DIAL_MILLISECONDS, this.#closing.signal, (signal) => node.dial(id, { signal }))
    } catch (error) {
      log({ peer, attempt: contact.attempts, error: reasonOf(error) }, 'dial failed')
      if (contact.reached || contact.attempts < STRANGER_ATTEMPTS) this.#later(peer, contact)
      else this.#contacts.delete(peer)
    } finally {
      contact.dialling = false
    }
  }

  #later(peer: PeerId, contact: Contact): void {
    if (this.#closing.signal.aborted || this.#contacts.get(peer) !== contact || this.#init.excluded(peer)) return
    const away = [...this.#contacts.values()].filter(isAway).length
    const most = contact.reached ? BACKOFF.most.known * Math.max(1, away / AWAY) : BACKOFF.most.stranger
    const pause = Math.min(most, BACKOFF.first * BACKOFF.factor ** contact.attempts)
    clearTimeout(contact.timer)
    // spread, so that two peers that dial each other at once do not do so for ever
    const dial = () => {
      contact.timer = undefined
      void this.#dial(peer, contact)
    }
    contact.timer = setTimeout(dial, pause * (0.75 + Math.random() / 2))
  }
}
