import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError, type PeerId } from '@peergrad/core'
import { deferred } from '../../deferred.js'
import type { NetworkNode } from '../node.js'
import type { DialBack } from './dial-back.js'
import type { LocalAddresses } from './local-addresses.js'
import type { Reservations } from './reservations.js'
import { hostOf, isRelayed, relayOf, scopeOf, type Scope } from './scope.js'

/** Relays that a hidden peer wants: one may go. */
const RELAYS = 2
/** Milliseconds before a peer that was asked is asked again. */
const ASK_AGAIN = 60_000
/** Milliseconds before a relay that was named is asked again: libp2p keeps a listener of each try. */
const VIA_AGAIN = 900_000
/** Milliseconds that a proof holds: a router gets another address, and tells nobody behind it. */
const PROVED = 600_000
/** Milliseconds that others have to dial this peer by themselves, which says as much and costs nothing. */
const SETTLE = 1000
/** Milliseconds that a relay which was named has to give a place. */
const VIA_MILLISECONDS = 5000
/** Milliseconds that a router has to open a port: libp2p asks it five seconds after it was found. And between two looks. */
const MAPPING = { most: 15_000, pause: 100 }

export interface ReachabilityInit {
  readonly node: NetworkNode
  readonly dialBack: DialBack
  readonly reservations: Reservations
  /** whether both ends made the connection, so that it says nothing of other dials */
  readonly punched: (connection: Connection) => boolean
  readonly local: LocalAddresses
  /** peers that are connected and of this run */
  readonly members: () => readonly PeerId[]
  /** relays that a place is asked of in any case */
  readonly via: ReadonlySet<PeerId>
  /** whether relays are used */
  readonly relayed: boolean
  /** whether the router was asked to let dials in */
  readonly mapped: boolean
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/**
 * Whether others can dial this peer, from its private networks and from the public one, and what follows: an address
 * that is proved is announced; where no dial comes through, a relay that this peer dialled keeps a way open. On one machine
 * nothing is asked.
 */
export class Reachability {
  readonly #init: ReachabilityInit
  /** when each was proved last */
  readonly #proved = new Map<Scope, number>()
  /** where a router lets dials in */
  #opened: Multiaddr | undefined
  /** when each was asked to dial back */
  readonly #asked = new Map<PeerId, number>()
  /** when a place was asked for on a connection to a relay of `via` */
  #viaAsked = new WeakMap<Connection, number>()
  readonly #busy = new Set<Scope>()
  readonly #placed = deferred<void>()
  #settled: Promise<void> | undefined
  /** the public address at which the other end of a connection sees this peer; where that end dialled, it dialled this */
  readonly #seenAt = new WeakMap<Connection, Multiaddr>()
  #publicHost: string | undefined

  constructor(init: ReachabilityInit) {
    this.#init = init
    init.node.addEventListener('peer:identify', ({ detail: { connection, observedAddr } }) => {
      if (observedAddr === undefined || isRelayed(observedAddr) || scopeOf(observedAddr) !== 'public') return
      this.#seenAt.set(connection, observedAddr)
      // any stranger may connect, and say what it likes; whom this peer dialled it chose
      if (connection.direct && connection.direction === 'outbound') this.#publicHost = hostOf(observedAddr)
    })
  }

  /** Announces what the interfaces have: a firewall may be in front, which the first dial-back tells. */
  start(): void {
    for (const address of this.#own()) if (scopeOf(address) === 'public') this.#confirm(address)
  }

  /** The public IP address that others see this peer at, when one on the open network has said. */
  get publicHost(): string | undefined {
    return this.#publicHost
  }

  /**
   * Resolves when a relay of `via` has a place for this peer, and a router that was asked has opened a port, after some
   * seconds in any case.
   */
  settled(): Promise<void> {
    return (this.#settled ??= this.#settle())
  }

  async #settle(): Promise<void> {
    const { via, mapped } = this.#init
    await Promise.all([via.size > 0 && this.#whenPlaced(), mapped && this.#whenOpened()])
  }

  async #whenPlaced(): Promise<void> {
    if (this.#init.reservations.held().length > 0) return
    await Promise.race([this.#placed.promise, delay(VIA_MILLISECONDS, undefined, { ref: false })])
  }

  async #whenOpened(): Promise<void> {
    const { node, local } = this.#init
    const until = performance.now() + MAPPING.most
    const isRouters = (address: Multiaddr) => scopeOf(address) === 'public' && !local.has(hostOf(address) ?? '')
    while (!node.getMultiaddrs().some(isRouters) && performance.now() < until) {
      await delay(MAPPING.pause, undefined, { ref: false })
    }
  }

  look(now: number): void {
    this.#useVia(now)
    for (const scope of ['public', 'lan'] as const) {
      if (now - (this.#proved.get(scope) ?? -Infinity) < PROVED || this.#busy.has(scope)) continue
      const members = this.#members(scope)
      const inbound = members.filter(({ direction }) => direction === 'inbound')
      if (inbound.length > 0) {
        const seen = inbound.flatMap((connection) => this.#seenAt.get(connection) ?? [])
        // where somebody still comes by stays, whatever another one says
        const address = seen.find((each) => this.#opened?.equals(each) === true) ?? seen[0]
        // where the other end sees this peer it says a moment after it connects
        const isYoung = ({ timeline }: Connection) => Date.now() - timeline.open < SETTLE
        if (address === undefined && inbound.every(isYoung)) continue
        this.#proved.set(scope, now)
        // a router or a cloud in between has it, and no interface of this machine
        if (address !== undefined) this.#confirm(address)
        continue
      }
      const next = this.#wants(scope) ? members.find((connection) => this.#mayAsk(connection, now)) : undefined
      if (next !== undefined) void this.#ask(next, scope, now)
    }
  }

  /** The addresses of this machine changed: what was known is not known any more. */
  changed(): void {
    this.#proved.clear()
    this.#asked.clear()
    this.#viaAsked = new WeakMap()
    this.start()
  }

  /** Direct connections to peers of this run, and to relays that it is reached through; not those that both ends dialled. */
  #members(scope: Scope): Connection[] {
    const all = this.#init.node.getConnections()
    const relays = all.flatMap(({ remoteAddr }) => relayOf(remoteAddr) ?? [])
    const useful = new Set([...this.#init.members(), ...relays])
    const isUseful = ({ direct, remotePeer }: Connection) => direct && useful.has(remotePeer.toString())
    const those = all.filter((connection) => isUseful(connection) && !this.#init.punched(connection))
    return those.filter(({ remoteAddr }) => scopeOf(remoteAddr) === scope)
  }

  #wants(scope: Scope): boolean {
    return this.#init.reservations.held().filter(({ remoteAddr }) => scopeOf(remoteAddr) === scope).length < RELAYS
  }

  #mayAsk({ remotePeer, timeline }: Connection, now: number): boolean {
    const peer = remotePeer.toString()
    const settled = Date.now() - timeline.open >= SETTLE
    return settled && !this.#init.reservations.has(peer) && now - (this.#asked.get(peer) ?? -Infinity) >= ASK_AGAIN
  }

  async #ask(connection: Connection, scope: Scope, now: number): Promise<void> {
    const { dialBack, log } = this.#init
    const peer = connection.remotePeer.toString()
    const port = this.#port()
    if (port === undefined) return
    this.#busy.add(scope)
    this.#asked.set(peer, now)
    try {
      const { reached, address } = await dialBack.ask(connection, port)
      log({ peer, address: address.toString(), reached }, 'dialled back')
      if (reached) {
        this.#proved.set(scope, now)
        this.#confirm(address)
      } else {
        this.#withdraw(scope)
        await this.#reserve(connection)
      }
    } catch (thrown) {
      log({ peer, error: PeergradError.from(thrown).message }, 'no dial-back')
    } finally {
      this.#busy.delete(scope)
    }
  }

  async #reserve(connection: Connection): Promise<void> {
    if (!this.#init.relayed) return
    const relay = connection.remotePeer.toString()
    await this.#init.reservations.reserve(connection)
    this.#placed.resolve()
    this.#init.log({ relay }, 'others cannot dial this peer: it is reached through a relay')
  }

  #useVia(now: number): void {
    const { node, via, reservations, log } = this.#init
    for (const connection of node.getConnections()) {
      const peer = connection.remotePeer.toString()
      const rested = now - (this.#viaAsked.get(connection) ?? -Infinity) >= VIA_AGAIN
      const due = via.has(peer) && connection.direct && !reservations.has(peer) && rested
      if (!due) continue
      this.#viaAsked.set(connection, now)
      this.#reserve(connection).catch((thrown: unknown) => {
        log({ peer, error: PeergradError.from(thrown).message }, 'no place at the relay')
      })
    }
  }

  /** What this peer listens on, without ways through relays. */
  #own(): Multiaddr[] {
    return this.#init.node.services.internals.transportManager.getAddrs().filter((address) => !isRelayed(address))
  }

  #port(): number | undefined {
    const tcp = this.#own().find((address) => /\/tcp\/\d+$/.test(address.toString()))
    const port = tcp?.getComponents().find(({ name }) => name === 'tcp')?.value
    return port === undefined ? undefined : Number(port)
  }

  #confirm(address: Multiaddr): void {
    const { local, node } = this.#init
    const host = hostOf(address)
    const type = host !== undefined && local.has(host) ? 'transport' : 'observed'
    if (type === 'observed' && scopeOf(address) === 'public') this.#moves(address)
    node.services.internals.addressManager.confirmObservedAddr(address, { type, ttl: Number.MAX_SAFE_INTEGER })
  }

  /** The one that the router had before is not announced any more. */
  #moves(address: Multiaddr): void {
    const before = this.#opened
    this.#opened = address
    const [kind, other] = [address, before].map((each) => each?.getComponents()[0]?.name)
    if (before === undefined || kind !== other || before.equals(address)) return
    this.#init.node.services.internals.addressManager.removeObservedAddr(before)
  }

  /** Private addresses stay announced: a neighbour may still reach what this one did not. */
  #withdraw(scope: Scope): void {
    if (scope !== 'public') return
    const { addressManager } = this.#init.node.services.internals
    for (const address of this.#own()) if (scopeOf(address) === scope) addressManager.removeObservedAddr(address)
    if (this.#opened !== undefined) addressManager.removeObservedAddr(this.#opened)
  }
}
