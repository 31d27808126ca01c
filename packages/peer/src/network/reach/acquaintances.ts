import type { Libp2p } from '@libp2p/interface'
import { PeergradError, type PeerId } from '@peergrad/core'
import { peerIdFromString } from '../../bundled/names.js'
import { tellable } from '../addresses.js'
import type { Contacts } from '../contacts.js'
import { ADDRESSES, newest, readAddressBook, writeAddressBook, type KnownPeer } from './address-book.js'

/** Milliseconds between two writes, and the age at which what is written is written again though nobody came. */
const PAUSE = 1000
const REFRESH = 10 * 60_000

export interface AcquaintancesInit {
  readonly node: Libp2p
  readonly contacts: Contacts
  readonly members: () => readonly PeerId[]
  readonly file: string
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** Keeps where the peers of the run were, so that none of them is needed to find the others again. */
export class Acquaintances {
  readonly #init: AcquaintancesInit
  #known = new Map<PeerId, KnownPeer>()
  #written = ''
  #at = -Infinity
  #writing: Promise<void> = Promise.resolve()

  constructor(init: AcquaintancesInit) {
    this.#init = init
  }

  /** Dials who was there the last time. A file that cannot be read is one that says nothing. */
  async start(): Promise<void> {
    const { file, contacts, log } = this.#init
    try {
      for (const peer of await readAddressBook(file)) {
        this.#known.set(peer.id, peer)
        void contacts.learn(peer.id, peer.addresses)
      }
    } catch (thrown) {
      log({ error: PeergradError.from(thrown).message }, 'the address book is begun anew')
    }
  }

  look(now: number): void {
    if (now - this.#at < PAUSE || !this.#changed(now)) return
    this.#at = now
    this.#writing = this.#write()
  }

  /** Resolves when who is there now is kept. */
  async close(): Promise<void> {
    await this.#writing
    if (this.#changed(this.#at)) await this.#write()
  }

  #changed(now: number): boolean {
    const here = this.#here()
    return here !== '' && (here !== this.#written || now - this.#at >= REFRESH)
  }

  /** Who is there, and by which connections: a peer that comes back may be elsewhere. */
  #here(): string {
    const { node, members } = this.#init
    const connections = (peer: PeerId) => node.getConnections(peerIdFromString(peer)).map(({ id }) => id)
    return members()
      .flatMap((peer) => [peer, ...connections(peer)])
      .sort()
      .join()
  }

  async #write(): Promise<void> {
    const { node, file, log } = this.#init
    const members = this.#init.members()
    const seen = Date.now()
    this.#written = this.#here()
    try {
      for (const id of members) {
        const { addresses } = await node.peerStore.get(peerIdFromString(id))
        const told = addresses.map(({ multiaddr }) => multiaddr)
        this.#known.set(id, { id, addresses: tellable(told, ADDRESSES), seen })
      }
      const kept = newest([...this.#known.values()])
      this.#known = new Map(kept.map((peer) => [peer.id, peer]))
      await writeAddressBook(file, kept)
    } catch (thrown) {
      log({ error: PeergradError.from(thrown).message }, 'the address book was not written')
    }
  }
}
