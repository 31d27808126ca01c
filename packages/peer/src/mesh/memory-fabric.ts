import { random, type Clock, type PeerId, type Vector } from '@peergrad/core'
import { combine, LinkTable, type LinkSelector, type LinkConditions } from './link-conditions.js'
import { MemoryCarrier, type Passage } from './memory-carrier.js'
import { MemoryConnections, type Endpoint } from './memory-connections.js'
import { MemoryEnvelopes } from './memory-envelope.js'
import type { MemoryHost } from './memory-host.js'
import type { MemoryLinks } from './memory-links.js'
import type { MemoryTensors } from './memory-tensors.js'
import { MemoryTransfers, type Bandwidth } from './memory-transfers.js'

export interface FabricInit {
  readonly clock: Clock
  /** milliseconds that a message takes from one peer to another; 0 unless given */
  readonly latency?: (from: PeerId, to: PeerId) => number
  /** bytes of tensors a second that each peer can send, and as many that it can receive; no limit unless given */
  readonly bandwidth?: number | ((peer: PeerId) => Bandwidth)
  /** of everything that happens by chance; 0 unless given */
  readonly seed?: number
  /** a whole vector, or part of one, has come: puts its floats where they go; they are copied unless given */
  readonly deliver?: Deliver
}

export type Deliver = (from: Vector, into: Vector) => void

/** A peer as the others see it. */
export interface Station extends Endpoint {
  readonly tensors: MemoryTensors
  readonly counts: MemoryLinks
  onMessage(from: PeerId, payload: Uint8Array, envelope: Uint8Array): void
  onBeat(from: PeerId, payload: Uint8Array): void
  onTold(from: PeerId, payload: Uint8Array): void
}

/** Everything between the peers of a network in memory: links, connections, messages and tensors on their way. */
export class MemoryFabric {
  readonly clock: Clock
  readonly links: LinkTable
  readonly carrier: MemoryCarrier
  readonly connections: MemoryConnections
  readonly transfers: MemoryTransfers
  readonly envelopes = new MemoryEnvelopes()
  readonly deliver: Deliver | undefined
  readonly #stations = new Map<PeerId, Station>()

  constructor({ clock, latency = () => 0, bandwidth = Infinity, seed = 0, deliver }: FabricInit) {
    const links = new LinkTable(latency)
    this.clock = clock
    this.deliver = deliver
    this.links = links
    this.carrier = new MemoryCarrier({ clock, links, random: random(seed, 'messages') })
    this.connections = new MemoryConnections({
      clock,
      links,
      carrier: this.carrier,
      random: random(seed, 'dials'),
      endpoints: this.#stations
    })
    const same = { up: Number(bandwidth), down: Number(bandwidth) }
    this.transfers = new MemoryTransfers({
      clock,
      links,
      bandwidth: typeof bandwidth === 'function' ? bandwidth : () => same
    })
  }

  add(station: Station): void {
    this.#stations.set(station.host.peer, station)
    this.connections.review(station)
  }

  get(peer: PeerId): Station | undefined {
    return this.#stations.get(peer)
  }

  /** The process ends: what it sent last still arrives when it closed, and does not when it was killed. */
  end(station: Station, how: 'closed' | 'killed'): void {
    if (!station.host.alive) return
    station.host.end(how)
    this.#stations.delete(station.host.peer)
    this.connections.ended(station)
    this.transfers.review()
  }

  stop(host: MemoryHost): void {
    host.stop()
    this.#changed()
  }

  resume(host: MemoryHost): void {
    host.resume((callback) => this.clock.after(0, callback))
    this.#changed()
  }

  impose(conditions: Partial<LinkConditions>, where: LinkSelector): () => void {
    const lift = this.links.impose(conditions, where)
    this.#changed()
    return () => {
      lift()
      this.#changed()
    }
  }

  /** To all whom it reaches, straight or passed on by others. */
  announce(from: Station, payload: Uint8Array): void {
    const { peer: self } = from.host
    for (const peer of from.connections.keys()) from.counts.of(peer).controlBytesSent += payload.byteLength
    const envelope = this.envelopes.seal(self, payload)
    // one object for all: whoever decodes it need do so once
    const bytes = envelope.subarray(envelope.byteLength - payload.byteLength)
    this.carrier.datagrams(from, this.#audience(from), (to) => to.onMessage(self, bytes, envelope))
  }

  /** Straight to all who are connected. */
  beat(from: Station, payload: Uint8Array): void {
    const { peer: self } = from.host
    for (const peer of from.connections.keys()) from.counts.of(peer).controlBytesSent += payload.byteLength
    const bytes = payload.slice()
    const all = [...from.connections].map(([peer, connection]) => {
      const to = connection.other(from) as Station
      return { to, conditions: this.links.conditions(self, peer), latency: this.links.latency(self, peer) }
    })
    this.carrier.datagrams(from, all, (to) => to.onBeat(self, bytes))
  }

  /** Straight to one that is connected. */
  tell(from: Station, peer: PeerId, payload: Uint8Array): void {
    const connection = from.connections.get(peer)
    if (connection === undefined) return
    from.counts.of(peer).controlBytesSent += payload.byteLength
    const bytes = payload.slice()
    const to = connection.other(from) as Station
    this.connections.stream(connection, from, () => to.onTold(from.host.peer, bytes))
  }

  /** All whom an announcement reaches, and the way there. */
  #audience(from: Station): Passage<Station>[] {
    const { peer: self } = from.host
    const audience: Passage<Station>[] = []
    const straight = new Set<PeerId>()
    for (const peer of this.#neighbours(self)) {
      if (this.links.blocked(self, peer)) continue
      straight.add(peer)
      const to = this.#stations.get(peer)
      if (to === undefined) continue
      audience.push({ to, conditions: this.links.conditions(self, peer), latency: this.links.latency(self, peer) })
    }
    if (straight.size === this.#stations.size - 1) return audience
    for (const [peer, route] of this.carrier.detours(self, straight, (via) => this.#neighbours(via))) {
      const to = this.#stations.get(peer)
      if (to === undefined) continue
      const hops = route.slice(1).map((hop, index) => [route[index], hop] as const)
      const conditions = hops.map(([a, b]) => this.links.conditions(a, b)).reduce(combine)
      const latency = hops.reduce((sum, [a, b]) => sum + this.links.latency(a, b), 0)
      audience.push({ to, conditions, latency })
    }
    return audience
  }

  /** Whom a running peer is connected to; a stopped one passes nothing on. */
  #neighbours(peer: PeerId): Iterable<PeerId> {
    const station = this.#stations.get(peer)
    return station?.host.running === true ? station.connections.keys() : []
  }

  #changed(): void {
    this.connections.review()
    this.transfers.review()
  }
}
