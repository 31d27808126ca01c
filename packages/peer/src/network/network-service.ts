import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Arena, PeergradError } from '@peergrad/core'
import type { Offence, PeerId } from '@peergrad/core'
import { peerIdFromString } from '../bundled/names.js'
import { DoctorServer } from '../doctor/server.js'
import { dialable, parseAddress, peerOf } from './addresses.js'
import { Contacts } from './contacts.js'
import { Dials } from './dials.js'
import { Gossip } from './gossip.js'
import { loadIdentity } from './identity.js'
import type { Identity } from './identity.js'
import { Introductions } from './introductions.js'
import { Lanes } from './lanes.js'
import type { Libp2pMetrics } from './libp2p-metrics.js'
import { Links } from './links.js'
import { Members } from './members.js'
import { createNode, startNode } from './node.js'
import type { NetworkNode } from './node.js'
import type { Calls, FromWorker, LogLevel, ToWorker, WorkerInit } from './protocol.js'
import { LocalAddresses } from './reach/local-addresses.js'
import { Reach } from './reach/reach.js'
import { RelayGate } from './reach/relay.js'
import { mayRelay } from './reach/relays.js'
import { sequenceSource } from './replay-window.js'
import { Reputation } from './reputation.js'
import { Requests } from './requests.js'
import { Silences } from './silences.js'
import { BEATS, Straight, TIDINGS } from './straight.js'
import { TensorClient } from './tensor-client.js'
import { TensorServer } from './tensor-server.js'
import { abortConnection } from './abort-connection.js'

const TICK_MILLISECONDS = 1000
const DELAY_RESOLUTION_MILLISECONDS = 5
/** A peer of another run may be one of this run a moment later. */
const STRANGER_MILLISECONDS = 60_000

type Handlers = {
  [M in keyof Calls]: (args: Calls[M]['arguments'], signal: AbortSignal) => Promise<Calls[M]['result']>
}

/**
 * Of which peers that libp2p heard of this one is to be a contact. A hash table knows peers of all runs, and of them
 * only those are dialled whom we were told of.
 */
function discovered({ dht, mdns, bootstrap }: WorkerInit): (peer: PeerId) => boolean {
  const told = new Set(bootstrap.flatMap((address) => peerOf(parseAddress(address)) ?? []))
  return (peer) => !dht || mdns || told.has(peer)
}

/** Few peers are asked what they count: it is imported for them only. */
async function libp2pMetrics(): Promise<Libp2pMetrics> {
  const { Libp2pMetrics } = await import('./libp2p-metrics.js')
  return new Libp2pMetrics()
}

/** What the parts are built on. */
interface Ground {
  readonly identity: Identity
  readonly node: NetworkNode
  readonly reputation: Reputation
  readonly local: LocalAddresses
  readonly metrics: Libp2pMetrics | undefined
}

/** All of the network that lives in the worker: it builds the parts, joins them, and does what the main thread asks. */
export class NetworkService {
  readonly self: PeerId
  readonly handlers: Handlers
  readonly #post: (message: FromWorker) => void
  readonly #node: NetworkNode
  readonly #arena: Arena
  readonly #reputation: Reputation
  readonly #links: Links
  readonly #metrics: Libp2pMetrics | undefined
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MILLISECONDS })
  readonly #tick: NodeJS.Timeout
  readonly #gossip: Gossip
  readonly #requests: Requests
  readonly #beats: Straight
  readonly #tidings: Straight
  readonly #silences = new Silences(TICK_MILLISECONDS, performance.now())
  readonly #server: TensorServer
  readonly #client: TensorClient
  readonly #lanes: Lanes
  readonly #contacts: Contacts
  readonly #introductions: Introductions
  readonly #members: Members
  readonly #dials: Dials
  readonly #reach: Reach

  static async start(init: WorkerInit, post: (message: FromWorker) => void): Promise<NetworkService> {
    const identity = await loadIdentity(init.identityFile)
    const reputation = new Reputation()
    const local = new LocalAddresses()
    const metrics = init.counts ? await libp2pMetrics() : undefined
    const excluded = (peer: PeerId) => reputation.excluded(peer)
    const known = (peer: PeerId) => service.#gossip.subscribers().includes(peer)
    const node = await createNode({
      ...init,
      identity,
      local,
      metrics: metrics?.factory,
      score: (peer) => reputation.score(peer),
      excluded,
      relay: init.relay === 'off' ? undefined : new RelayGate({ use: init.relay, excluded, known }),
      // the gater needs the parts that need the node
      denies: (peer, connection) => service.#reach.claims(peer, connection) || service.#dials.denies(peer, connection)
    })
    const service = new NetworkService(init, { identity, node, reputation, local, metrics }, post)
    await service.#open(init)
    return service
  }

  private constructor(
    init: WorkerInit,
    { identity, node, reputation, local, metrics }: Ground,
    post: (message: FromWorker) => void
  ) {
    const { topic } = init
    const links = new Links(init.links)
    const nextSequence = sequenceSource()
    const report = (peer: PeerId, offence: Offence) => this.#report(peer, offence)
    const excluded = (peer: PeerId) => reputation.excluded(peer)
    const log = (fields: Readonly<Record<string, unknown>>, message: string) => this.#log('debug', fields, message)
    this.self = identity.peer
    this.#post = post
    this.#node = node
    this.#arena = Arena.attach(init.memory)
    this.#reputation = reputation
    this.#links = links
    this.#metrics = metrics
    this.#gossip = new Gossip({
      pubsub: node.services.pubsub,
      topic,
      identity,
      nextSequence,
      links,
      report,
      excluded,
      deliver: ({ from, payload, bytes }) => this.#send({ type: 'message', from, payload, envelope: bytes })
    })
    this.#requests = new Requests({
      node,
      identity,
      topic,
      nextSequence,
      links,
      report,
      deliver: ({ id, envelope: { from, payload, bytes } }) =>
        this.#send({ type: 'request', request: id, from, payload, envelope: bytes })
    })
    const straight = { node, links, report, excluded, isMember: (peer: PeerId) => this.#members.has(peer) }
    this.#tidings = new Straight(TIDINGS, {
      ...straight,
      deliver: (from, payload) => this.#send({ type: 'told', from, payload })
    })
    this.#beats = new Straight(BEATS, {
      ...straight,
      deliver: (from, payload) => {
        this.#silences.heard(from, performance.now())
        this.#send({ type: 'beat', from, payload })
      }
    })
    this.#server = new TensorServer({
      links,
      report,
      excluded,
      served: (peer, digest, bytes) => this.#send({ type: 'served', peer, digest, bytes })
    })
    this.#lanes = new Lanes({ node, identity, server: this.#server, report })
    this.#client = new TensorClient({ links, report, open: (peer, signal) => this.#lanes.open(peer, signal) })
    this.#contacts = new Contacts({ node, excluded, log })
    this.#introductions = new Introductions({
      node,
      gossip: this.#gossip,
      topic,
      fastPort: () => this.#lanes.fastPort,
      fastPortOf: (peer, port) => this.#lanes.learn(peer, port),
      learn: (peer, addresses) => void this.#contacts.learn(peer, addresses)
    })
    this.#members = new Members({
      node,
      introductions: this.#introductions,
      contacts: this.#contacts,
      discovers: discovered(init),
      log,
      connected: (peer) => {
        this.#beats.add(peer)
        this.#tidings.add(peer)
        this.#send({ type: 'connect', peer })
      },
      disconnected: (peer) => {
        this.#beats.remove(peer)
        this.#tidings.remove(peer)
        this.#silences.forget(peer)
        this.#lanes.forget(peer)
        this.#send({ type: 'disconnect', peer })
      }
    })
    this.#dials = new Dials({
      node,
      self: this.self,
      excluded,
      dialling: (peer) => this.#contacts.dialling(peer),
      quiet: (peer) => this.#silences.quiet(peer, performance.now()),
      cut: (peer, reason) => this.#cut(peer, reason)
    })
    this.#reach = new Reach({
      node,
      local,
      contacts: this.#contacts,
      introductions: this.#introductions,
      members: () => this.#members.list(),
      addressBook: init.addressBook,
      dht: init.dht,
      via: init.via,
      relayed: init.relay !== 'off',
      mapped: init.upnp !== undefined,
      log
    })
    this.#tick = setInterval(() => this.#look(), TICK_MILLISECONDS)
    this.#delay.enable()
    this.handlers = {
      addresses: async () => {
        await this.#reach.settled()
        return dialable(node.getMultiaddrs(), this.self)
      },
      dial: ({ address }, signal) => this.#dials.dial(address, signal),
      announce: ({ payload }) => this.#announce(payload),
      request: ({ peer, payload, deadline }, signal) => this.#requests.ask(peer, payload, { deadline, signal }),
      unserve: async ({ digest }) => {
        await this.#server.tensors.unserve(digest)
        return undefined
      },
      fetch: ({ into, ...request }, signal) =>
        this.#client.fetch({ ...request, target: this.#arena.bytes(into), signal }),
      statistics: async () => this.#statistics(),
      metrics: async () => (await this.#metrics?.text()) ?? '',
      close: () => this.#close()
    }
  }

  /** What needs no answer. */
  note(message: Exclude<ToWorker, { type: 'call' | 'cancel' }>): void {
    switch (message.type) {
      case 'admit':
        this.#links.admit(message.peers)
        this.#gossip.admit(message.peers)
        return this.#server.admit(message.peers)
      case 'serve':
        return this.#server.tensors.serve(message.digest, this.#arena.bytes(message.vector))
      case 'beat':
        return this.#beats.sendAll(message.payload)
      case 'tell':
        return this.#tidings.send(message.peer, message.payload)
      case 'report':
        return this.#report(message.peer, message.offence)
      case 'hang-up':
        return this.#hangUp(message.peer)
      case 'rendezvous':
        return this.#reach.rendezvous(message.run)
      case 'respond':
        return this.#requests.answer(message.request, message.payload)
      case 'refuse':
        return this.#requests.answer(message.request, PeergradError.fromJSON(message.error))
    }
  }

  /** Posts a message, and before it the links that changed. */
  send(message: FromWorker): void {
    this.#send(message)
  }

  async #open({ listen, fastLane }: WorkerInit): Promise<void> {
    await Promise.all([
      this.#requests.start(),
      this.#beats.start(),
      this.#tidings.start(),
      this.#introductions.start(),
      new DoctorServer({ node: this.#node, peers: () => this.#members.list() }).start(),
      this.#reach.open(),
      this.#lanes.start(fastLane ? listen : undefined)
    ])
    await startNode(this.#node, listen)
    this.#gossip.start()
    this.#reach.start()
  }

  async #announce(payload: Uint8Array): Promise<undefined> {
    const recipients = new Set(await this.#gossip.announce(payload))
    const missed = this.#members.list().filter((peer) => !recipients.has(peer))
    if (missed.length === 0) return
    if (recipients.size === 0)
      throw new PeergradError('unreachable', `announcement: none of ${missed.length} peers took it`)
    this.#log('warn', { missed }, 'an announcement did not go to every peer directly; others pass it on')
  }

  #report(peer: PeerId, offence: Offence): void {
    if (peer === this.self) return
    const excluded = this.#reputation.report(peer, offence)
    this.#log(excluded ? 'warn' : 'info', { peer, offence, score: this.#reputation.score(peer) }, 'offence reported')
    if (!excluded) return
    this.#send({ type: 'expelled', peer })
    this.#contacts.forget(peer, STRANGER_MILLISECONDS)
    this.#server.expel(peer)
    this.#cut(peer, new PeergradError('refused', `${peer} is excluded for the session after: ${offence}`))
  }

  #hangUp(peer: PeerId): void {
    if (mayRelay(this.#node, peer)) return
    this.#contacts.forget(peer, STRANGER_MILLISECONDS)
    void this.#members.hangUp(peer)
  }

  #cut(peer: PeerId, reason: PeergradError): void {
    for (const connection of this.#node.getConnections(peerIdFromString(peer))) abortConnection(connection, reason)
  }

  #look(): void {
    this.#members.look(performance.now())
    this.#contacts.look()
    this.#reach.look(performance.now())
    for (const peer of this.#silences.look(performance.now())) {
      this.#log('info', { peer }, 'its connection is closed, for it fell silent')
      this.#cut(peer, new PeergradError('unreachable', `${peer} fell silent`))
    }
    for (const { remotePeer, rtt } of this.#node.getConnections()) {
      const peer = remotePeer.toString()
      if (rtt !== undefined && this.#members.has(peer)) this.#links.roundTrip(peer, rtt)
    }
    this.#flushLinks()
  }

  #statistics(): Calls['statistics']['result'] {
    const longest = Math.max(0, this.#delay.max / 1e6 - DELAY_RESOLUTION_MILLISECONDS)
    this.#delay.reset()
    return { longestBlockMilliseconds: longest }
  }

  async #close(): Promise<undefined> {
    clearInterval(this.#tick)
    this.#delay.disable()
    this.#contacts.close()
    this.#server.close()
    this.#lanes.close()
    await this.#reach.close()
    await this.#node.stop()
  }

  #send(message: FromWorker): void {
    this.#flushLinks()
    this.#post(message)
  }

  #flushLinks(): void {
    const { rows, gone } = this.#links.takeChanged()
    if (rows.length > 0) this.#post({ type: 'links', rows, gone })
  }

  #log(level: LogLevel, fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#post({ type: 'log', level, fields, message })
  }
}
