import { PeergradError, type Clock, type PeerId, type Random } from '@peergrad/core'
import { orAborted, type Deferred } from '../deferred.js'
import type { LinkTable } from './link-conditions.js'
import type { MemoryCarrier } from './memory-carrier.js'
import type { MemoryHost } from './memory-host.js'

/** Milliseconds without a sign of the other end after which a connection is given up. */
const SILENT = 10_000
/** Milliseconds until two peers that know each other and can reach each other are connected again. */
const REDIAL = { least: 250, spread: 500 }

/** One end of connections: a peer's mesh. */
export interface Endpoint {
  readonly host: MemoryHost
  /** the connections that this end believes in */
  readonly connections: Map<PeerId, Connection>
  /** peers that it was connected to, and means to be again */
  readonly contacts: Set<PeerId>
  /** whether this end wants no connection with the peer any more */
  refuses(peer: PeerId): boolean
  opened(peer: PeerId): void
  closed(peer: PeerId): void
}

/** What calls of a mesh that is closed end with. */
export const CLOSED = 'the mesh is closed'

interface Stalled {
  readonly from: MemoryHost
  readonly to: MemoryHost
  readonly arrive: () => void
}

export class Connection {
  readonly ends: readonly [Endpoint, Endpoint]
  /** parts of streams that wait for a link to be open again */
  stalled: Stalled[] = []
  cancelTimeout: (() => void) | undefined
  /** who must know when an end loses the connection */
  readonly #waiting = new Set<{ readonly end: Endpoint; readonly lost: (error: PeergradError) => void }>()

  constructor(ends: readonly [Endpoint, Endpoint]) {
    this.ends = ends
  }

  other(end: Endpoint): Endpoint {
    return this.ends[0] === end ? this.ends[1] : this.ends[0]
  }

  /** Calls back when this end loses the connection. Returns what ends that. */
  onLost(end: Endpoint, lost: (error: PeergradError) => void): () => void {
    const waiting = { end, lost }
    this.#waiting.add(waiting)
    return () => void this.#waiting.delete(waiting)
  }

  lost(end: Endpoint, error: PeergradError): void {
    for (const waiting of [...this.#waiting]) if (waiting.end === end) waiting.lost(error)
  }
}

/** Settles with the answer, or rejects when the connection is lost at this end, or with the signal's reason. */
export async function settled<T>(
  connection: Connection,
  end: Endpoint,
  answer: Deferred<T>,
  signal?: AbortSignal
): Promise<T> {
  const forget = connection.onLost(end, answer.reject)
  try {
    return await (signal === undefined ? answer.promise : orAborted(answer.promise, signal))
  } finally {
    forget()
  }
}

export interface ConnectionsInit {
  readonly clock: Clock
  readonly links: LinkTable
  readonly carrier: MemoryCarrier
  readonly random: Random
  readonly endpoints: ReadonlyMap<PeerId, Endpoint>
}

/** Who is connected to whom: connections die of silence, and peers that know each other dial again. */
export class MemoryConnections {
  readonly #init: ConnectionsInit
  readonly #open = new Set<Connection>()
  readonly #redials = new Map<Endpoint, Map<Endpoint, () => void>>()

  constructor(init: ConnectionsInit) {
    this.#init = init
  }

  /** Error `unreachable` when this end believes in no connection to the peer. */
  of(end: Endpoint, peer: PeerId): Connection {
    const connection = end.connections.get(peer)
    if (connection === undefined) throw new PeergradError('unreachable', `${peer} is not connected`)
    return connection
  }

  /** Two running processes get connected; an end that still believed in an older connection loses that first. */
  open(a: Endpoint, b: Endpoint): void {
    const pairs = [
      [a, b],
      [b, a]
    ] as const
    for (const [end, { host }] of pairs) {
      const old = end.connections.get(host.peer)
      if (old !== undefined) this.#lose(end, old)
    }
    const connection = new Connection([a, b])
    this.#open.add(connection)
    for (const [end, { host }] of pairs) {
      end.connections.set(host.peer, connection)
      end.contacts.add(host.peer)
    }
    this.#redial(a, b)
    for (const [end, { host }] of pairs) end.host.run(() => end.opened(host.peer))
  }

  /** Part of a stream; it waits as long as the link is blocked and the connection lasts. */
  stream(connection: Connection, from: Endpoint, arrive: () => void): void {
    const to = connection.other(from)
    const part = {
      from: from.host,
      to: to.host,
      arrive: () => {
        if (to.connections.get(from.host.peer) === connection) arrive()
      }
    }
    if (this.#init.links.blocked(from.host.peer, to.host.peer)) connection.stalled.push(part)
    else this.#init.carrier.stream(part.from, part.to, part.arrive)
  }

  /** The process is gone. Its system closes what was open, which the others learn when that arrives. */
  ended(end: Endpoint): void {
    for (const connection of end.connections.values()) {
      const other = connection.other(end)
      // code of a process that was killed never learns of it
      if (end.host.closed) connection.lost(end, new PeergradError('aborted', CLOSED))
      if (this.#init.links.blocked(end.host.peer, other.host.peer)) continue
      this.#forget(connection)
      this.#init.carrier.last(end.host, other.host, () => this.#lose(other, connection))
    }
    end.connections.clear()
    for (const cancel of this.#redials.get(end)?.values() ?? []) cancel()
    this.#redials.delete(end)
    this.review(end)
  }

  /** One end hangs up, which the other learns when that arrives. */
  cut(end: Endpoint, peer: PeerId): void {
    const connection = end.connections.get(peer)
    if (connection === undefined) return
    const other = connection.other(end)
    this.#lose(end, connection)
    this.#init.carrier.last(end.host, other.host, () => this.#lose(other, connection))
  }

  /** The state of links or hosts has changed: everywhere, or around one end. */
  review(only?: Endpoint): void {
    const { endpoints } = this.#init
    for (const connection of only === undefined ? this.#open : this.#around(only)) this.#check(connection)
    for (const end of endpoints.values()) {
      const contacts = only === undefined || end === only ? end.contacts : [only.host.peer]
      for (const peer of contacts) {
        const other = end.contacts.has(peer) ? endpoints.get(peer) : undefined
        if (other !== undefined && (only === undefined || end === only || other === only)) this.#redial(end, other)
      }
    }
  }

  /** The connections that one of the two ends believes in. */
  #around(end: Endpoint): Set<Connection> {
    const around = new Set(end.connections.values())
    for (const other of this.#init.endpoints.values()) {
      const connection = other.connections.get(end.host.peer)
      if (connection?.ends.includes(end) === true) around.add(connection)
    }
    return around
  }

  /** Whether a dial of one by the other would get through. */
  reachable(a: Endpoint, b: Endpoint): boolean {
    if (a.refuses(b.host.peer) || b.refuses(a.host.peer)) return false
    return a.host.running && b.host.running && this.#init.links.open(a.host.peer, b.host.peer)
  }

  #check(connection: Connection): void {
    const { clock, links, carrier } = this.#init
    const [a, b] = connection.ends
    const { stalled } = connection
    connection.stalled = []
    for (const part of stalled) {
      if (links.blocked(part.from.peer, part.to.peer)) connection.stalled.push(part)
      else carrier.stream(part.from, part.to, part.arrive)
    }
    if (this.reachable(a, b)) {
      connection.cancelTimeout?.()
      connection.cancelTimeout = undefined
    } else {
      connection.cancelTimeout ??= clock.after(SILENT, () => this.#timedOut(connection))
    }
  }

  #timedOut(connection: Connection): void {
    this.#forget(connection)
    for (const end of connection.ends) end.host.run(() => this.#lose(end, connection))
  }

  #forget(connection: Connection): void {
    connection.cancelTimeout?.()
    this.#open.delete(connection)
  }

  #lose(end: Endpoint, connection: Connection): void {
    const other = connection.other(end)
    const { peer } = other.host
    if (end.connections.get(peer) !== connection) return
    this.#forget(connection)
    end.connections.delete(peer)
    connection.lost(end, new PeergradError('unreachable', `${peer} is gone`))
    end.closed(peer)
    this.#redial(end, this.#init.endpoints.get(peer) ?? other)
  }

  #redial(end: Endpoint, other: Endpoint): void {
    const [a, b] = end.host.peer < other.host.peer ? [end, other] : [other, end]
    const connection = a.connections.get(b.host.peer)
    const connected = connection !== undefined && connection === b.connections.get(a.host.peer)
    const possible = !connected && this.reachable(a, b)
    let redials = this.#redials.get(a)
    if (redials === undefined) this.#redials.set(a, (redials = new Map()))
    const cancel = redials.get(b)
    if (possible === (cancel !== undefined)) return
    cancel?.()
    redials.delete(b)
    if (!possible) return
    const { clock, random } = this.#init
    const dial = () => {
      redials.delete(b)
      if (this.reachable(a, b)) this.open(a, b)
    }
    redials.set(b, clock.after(REDIAL.least + random.uniform() * REDIAL.spread, dial))
  }
}
