import type { MultiaddrConnection } from '@libp2p/interface'
import { PeergradError, type PeerId } from '@peergrad/core'
import { parseAddress, peerOf } from '../addresses.js'
import type { Contacts } from '../contacts.js'
import { HELLO_PROTOCOL, type Introductions } from '../introductions.js'
import { TENSOR_PROTOCOL } from '../lanes.js'
import type { NetworkNode } from '../node.js'
import { REQUEST_PROTOCOL } from '../requests.js'
import { Acquaintances } from './acquaintances.js'
import { DialBack } from './dial-back.js'
import { Inquiries } from './inquiries.js'
import type { LocalAddresses } from './local-addresses.js'
import { Punch } from './punch.js'
import { Reachability } from './reachability.js'
import { Rendezvous } from './rendezvous.js'
import { Reservations } from './reservations.js'
import { hostOf } from './scope.js'
import { Upgrades } from './upgrades.js'
import { abortConnection } from '../abort-connection.js'

export interface ReachInit {
  readonly node: NetworkNode
  readonly local: LocalAddresses
  readonly contacts: Contacts
  readonly introductions: Introductions
  readonly members: () => readonly PeerId[]
  /** file where it is kept who was there; none when undefined */
  readonly addressBook: string | undefined
  /** whether the node keeps a part of the hash table */
  readonly dht: boolean
  /** addresses of relays that a place is asked of in any case */
  readonly via: readonly string[]
  /** whether relays are used */
  readonly relayed: boolean
  /** whether the router was asked to let dials in */
  readonly mapped: boolean
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** All that keeps this peer and the others in reach of each other. */
export class Reach {
  readonly #init: ReachInit
  readonly #dialBack: DialBack
  readonly #reachability: Reachability
  readonly #punch: Punch
  readonly #upgrades: Upgrades
  readonly #inquiries: Inquiries
  readonly #acquaintances: Acquaintances | undefined
  readonly #rendezvous: Rendezvous | undefined

  constructor(init: ReachInit) {
    const { node, contacts, introductions, members, via, addressBook: file, log } = init
    this.#init = init
    this.#dialBack = new DialBack(node)
    this.#reachability = new Reachability({
      ...init,
      dialBack: this.#dialBack,
      reservations: new Reservations(node),
      punched: (connection) => this.#punch.made(connection),
      via: new Set(via.flatMap((address) => peerOf(parseAddress(address, 'via')) ?? []))
    })
    this.#punch = new Punch({ node, host: () => this.#reachability.publicHost })
    this.#upgrades = new Upgrades({
      node,
      passing: [HELLO_PROTOCOL, REQUEST_PROTOCOL, TENSOR_PROTOCOL],
      punch: (connection) => this.#punch.attempt(connection),
      log
    })
    this.#inquiries = new Inquiries({
      missing: () => contacts.missing,
      members,
      ask: (member) => introductions.greet(member, new AbortController().signal)
    })
    if (init.dht) {
      this.#rendezvous = new Rendezvous({ node, log, learn: (peer, addresses) => contacts.learn(peer, addresses) })
    }
    if (file !== undefined) this.#acquaintances = new Acquaintances({ ...init, file })
  }

  /** Before the node starts. */
  async open(): Promise<void> {
    await Promise.all([this.#dialBack.start(), this.#punch.start()])
  }

  /** Once it listens. */
  start(): void {
    this.#reachability.start()
    void this.#acquaintances?.start()
  }

  /** The run that this peer is of, for others to find it by. */
  rendezvous(run: string): void {
    this.#rendezvous?.open(run)
  }

  async close(): Promise<void> {
    await this.#acquaintances?.close()
  }

  /** Resolves when this peer can be reached as it was told to be, after some seconds in any case. */
  settled(): Promise<void> {
    return this.#reachability.settled()
  }

  /** Whether an inbound connection is a dial that was asked for: it is to be turned away. */
  claims(peer: PeerId, { remoteAddr }: Pick<MultiaddrConnection, 'remoteAddr'>): boolean {
    return this.#dialBack.claims(peer, remoteAddr)
  }

  look(now: number): void {
    const { came, gone } = this.#init.local.look()
    if (came.length + gone.length > 0) this.#moved(gone)
    this.#reachability.look(now)
    this.#upgrades.look(now)
    this.#inquiries.look(now)
    this.#acquaintances?.look(now)
    this.#rendezvous?.look(now)
  }

  /**
   * This machine has other addresses. What was sent from one that is gone gets no answer, and nobody says so: every
   * connection to another machine is made anew.
   */
  #moved(gone: readonly string[]): void {
    const { node, log } = this.#init
    log({ gone }, 'the addresses of this machine changed')
    this.#reachability.changed()
    if (gone.length === 0) return
    for (const connection of node.getConnections()) {
      const host = hostOf(connection.remoteAddr)
      if (host === undefined || this.#init.local.has(host)) continue
      abortConnection(
        connection,
        new PeergradError('unreachable', `the address ${gone.join(', ')} of this machine is gone`)
      )
    }
  }
}
