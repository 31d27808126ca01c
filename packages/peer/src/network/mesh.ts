import type { Worker } from 'node:worker_threads'
import { Arena, BEAT_LIMIT, DIGEST_PATTERN, Emitter, PeergradError, TELL_LIMIT } from '@peergrad/core'
import type {
  Digest,
  FetchReport,
  FetchRequest,
  LinkStatistics,
  Logger,
  Mesh,
  MeshEvents,
  Offence,
  PeerId,
  Vector,
  VectorHandle
} from '@peergrad/core'
import { onAbort } from '../deferred.js'
import { checkControl, checkLength } from '../mesh/check-length.js'
import { TOPIC_LIMIT, verifyEnvelope } from './envelope.js'
import { checkPart } from './part.js'
import type { RelayUse } from './reach/relay.js'
import { crash, startWorker } from './start-worker.js'
import type { Calls, CallMessage, FromWorker, NetworkStatistics, ToWorker, WorkerInit } from './protocol.js'

export interface NetworkMeshInit {
  /** where the peer's key is kept; made there when absent */
  readonly identityFile: string
  /** multiaddrs to listen on; /ip4/0.0.0.0/tcp/0 unless given: a free port on every interface */
  readonly listen?: readonly string[]
  /** addresses with /p2p/PeerId of peers to meet the others through */
  readonly bootstrap?: readonly string[]
  /** find peers on the local network; off unless given, since it multicasts on every interface */
  readonly mdns?: boolean
  /**
   * Only peers of the same one exchange announcements and appear in `connected`. Several runs may share it: then peers of
   * all of them do, until somebody hangs up.
   */
  readonly topic: string
  /** of the arena that every vector given to `serve` and `fetch` lies in */
  readonly memory: WebAssembly.Memory
  /** offer and use direct TLS sockets for tensors beside libp2p streams; on unless given */
  readonly fastLane?: boolean
  /**
   * URL of a module whose default export is `() => factory`, a transport as libp2p takes it, to use in place of TCP. The
   * network thread imports it.
   */
  readonly transport?: string
  /**
   * whom it relays for, where it can be dialled: peers of peergrad (`auto`, unless given), anybody (`on`), nobody (`off`, and
   * then it uses no relay either)
   */
  readonly relay?: RelayUse
  /** addresses with /p2p/PeerId of relays to be reached through in any case */
  readonly via?: readonly string[]
  /** file where it is kept who was there, so that none of them is needed to find the others again; none unless given */
  readonly addressBook?: string
  /** ask the router to let dials in (UPnP): by the URLs of its description, or of one that is searched for; not unless given */
  readonly upnp?: readonly string[]
  /** keep a part of a hash table (Kademlia) in which peers find those of their run; off unless given */
  readonly dht?: boolean
  /** libp2p counts what it does, for `metrics`; off unless given, for it counts every chunk */
  readonly counts?: boolean
  readonly signal?: AbortSignal
  readonly logger?: Logger
}

/** Tries to take the port of a crashed network thread over, and milliseconds between them. */
const TRIES = 10
const PAUSE = 300

/** The mesh over a real network, with what only a network has. */
export interface NetworkMesh extends Mesh {
  /**
   * Ends the connections to a peer of another run and dials it no more for a minute, or until it comes by itself. Does
   * nothing where a way to somebody may go through it or this peer.
   */
  hangUp(peer: PeerId): void
  /** With the hash table: tells it the run (its id) that this peer is of, and looks for others there from now on. */
  rendezvous(run: string): void
  statistics(): Promise<NetworkStatistics>
  /** What libp2p counted of itself, in the text format of Prometheus; empty unless `counts` was given. */
  metrics(): Promise<string>
}

/**
 * Starts libp2p in a worker thread of its own, so that a busy main thread costs no connection and a busy network no
 * round. Resolves when it listens. Errors: `argument` for an address, a port or a transport that cannot be had, `corrupt`
 * or `missing` for the identity file, `aborted`.
 */
export async function createNetworkMesh(init: NetworkMeshInit): Promise<NetworkMesh> {
  init.signal?.throwIfAborted()
  const topicBytes = Buffer.byteLength(init.topic)
  if (topicBytes < 1 || topicBytes > TOPIC_LIMIT) {
    throw new PeergradError('argument', `topic: got ${topicBytes} bytes, expected 1 to ${TOPIC_LIMIT}`)
  }
  const workerData: WorkerInit = {
    identityFile: init.identityFile,
    listen: init.listen ?? ['/ip4/0.0.0.0/tcp/0'],
    bootstrap: [...(init.bootstrap ?? []), ...(init.via ?? [])],
    mdns: init.mdns ?? false,
    topic: `peergrad/${init.topic}/control`,
    memory: init.memory,
    fastLane: init.fastLane ?? true,
    transport: init.transport,
    relay: init.relay ?? 'auto',
    via: init.via ?? [],
    addressBook: init.addressBook,
    upnp: init.upnp,
    dht: init.dht ?? false,
    counts: init.counts ?? false,
    links: []
  }
  const { worker, self } = await startWorker(workerData, init.signal)
  return new WorkerMesh(worker, self, workerData, Arena.attach(init.memory), init.logger)
}

interface Pending {
  resolve(value: Calls[keyof Calls]['result']): void
  reject(error: PeergradError): void
}

class WorkerMesh extends Emitter<MeshEvents> implements NetworkMesh {
  readonly self: PeerId
  #worker: Worker
  readonly #init: WorkerInit
  readonly #arena: Arena
  readonly #logger: Logger | undefined
  readonly #pending = new Map<number, Pending>()
  readonly #connected = new Set<PeerId>()
  readonly #links = new Map<PeerId, LinkStatistics>()
  readonly #served = new Map<Digest, VectorHandle>()
  #admitted: readonly PeerId[] = []
  #run: string | undefined
  /** settles when a worker that took the place of a crashed one listens */
  #restart: Promise<void> | undefined
  #addresses: readonly string[] = []
  #nextId = 0
  #ended: PeergradError | undefined

  constructor(worker: Worker, self: PeerId, init: WorkerInit, arena: Arena, logger: Logger | undefined) {
    super()
    this.self = self
    this.#init = init
    this.#arena = arena
    this.#logger = logger
    this.#worker = worker
    this.#follow(worker)
  }

  async addresses(): Promise<string[]> {
    this.#addresses = await this.#call('addresses', {})
    return [...this.#addresses]
  }

  dial(address: string, { signal }: { signal?: AbortSignal } = {}): Promise<PeerId> {
    return this.#call('dial', { address }, signal)
  }

  connected(): readonly PeerId[] {
    return [...this.#connected]
  }

  async announce(payload: Uint8Array): Promise<void> {
    checkControl(payload)
    await this.#call('announce', { payload })
  }

  beat(payload: Uint8Array): void {
    checkLength('beat', payload, BEAT_LIMIT)
    this.#post({ type: 'beat', payload })
  }

  tell(peer: PeerId, payload: Uint8Array): void {
    checkLength('tell', payload, TELL_LIMIT)
    this.#post({ type: 'tell', peer, payload })
  }

  open(envelope: Uint8Array): { readonly from: PeerId; readonly payload: Uint8Array } {
    const { kind, topic, from, payload } = verifyEnvelope(envelope)
    if (kind === 'announcement' && topic === this.#init.topic) return { from, payload }
    throw new PeergradError('corrupt', `envelope: got ${kind} for ${topic}, expected an announcement of this run`)
  }

  async request(
    peer: PeerId,
    payload: Uint8Array,
    { deadline, signal }: { deadline: number; signal?: AbortSignal }
  ): Promise<Uint8Array> {
    checkControl(payload)
    return this.#call('request', { peer, payload, deadline }, signal)
  }

  admit(peers: readonly PeerId[]): void {
    this.#admitted = [...peers]
    this.#post({ type: 'admit', peers: this.#admitted })
  }

  serve(digest: Digest, vector: Vector): void {
    checkDigest(digest)
    if (this.#served.has(digest))
      throw new PeergradError('duplicate', `serve: ${digest} is served already; unserve it first`)
    const handle = this.#arena.handle(vector)
    this.#served.set(digest, handle)
    this.#post({ type: 'serve', digest, vector: handle })
  }

  async unserve(digest: Digest): Promise<void> {
    if (this.#served.delete(digest)) await this.#call('unserve', { digest })
  }

  async fetch({
    digest,
    bytes,
    announcer,
    offset = 0,
    from,
    into,
    deadline,
    signal
  }: FetchRequest): Promise<FetchReport> {
    checkDigest(digest)
    checkPart({ bytes, offset, length: into.byteLength })
    const request = { digest, bytes, announcer, offset, from: [...from], into: this.#arena.handle(into), deadline }
    return this.#call('fetch', request, signal)
  }

  links(): readonly LinkStatistics[] {
    return [...this.#links.values()]
  }

  report(peer: PeerId, offence: Offence): void {
    this.#post({ type: 'report', peer, offence })
  }

  hangUp(peer: PeerId): void {
    this.#post({ type: 'hang-up', peer })
  }

  rendezvous(run: string): void {
    this.#run = run
    this.#post({ type: 'rendezvous', run })
  }

  statistics(): Promise<NetworkStatistics> {
    return this.#call('statistics', {})
  }

  metrics(): Promise<string> {
    return this.#call('metrics', {})
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return
    try {
      await this.#restart
      await this.#call('close', {})
    } finally {
      this.#end(new PeergradError('aborted', 'the network is closed'))
      await this.#worker.terminate()
    }
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'result':
        this.#pending.get(message.id)?.resolve(message.value)
        break
      case 'error':
        this.#pending.get(message.id)?.reject(PeergradError.fromJSON(message.error))
        break
      case 'links':
        for (const peer of message.gone) this.#links.delete(peer)
        for (const row of message.rows) this.#links.set(row.peer, row)
        break
      case 'connect':
        this.#connected.add(message.peer)
        this.emit('connect', { peer: message.peer })
        break
      case 'disconnect':
        this.#disconnected(message.peer)
        break
      case 'expelled':
        this.emit('expelled', { peer: message.peer })
        break
      case 'message':
        this.emit('message', { from: message.from, payload: message.payload, envelope: message.envelope })
        break
      case 'beat':
        this.emit('beat', { from: message.from, payload: message.payload })
        break
      case 'told':
        this.emit('told', { from: message.from, payload: message.payload })
        break
      case 'request':
        this.#asked(message)
        break
      case 'served':
        this.emit('served', { peer: message.peer, digest: message.digest, bytes: message.bytes })
        break
      case 'log':
        this.#logger?.[message.level](message.fields, message.message)
    }
  }

  /** The answer goes to the worker that was asked: another one gives its own requests the same numbers. */
  #asked({ request, from, payload, envelope }: Extract<FromWorker, { type: 'request' }>): void {
    const worker = this.#worker
    this.emit('request', {
      from,
      payload,
      envelope,
      respond: (answer) => {
        checkControl(answer)
        this.#post({ type: 'respond', request, payload: answer }, worker)
      },
      refuse: (error) => this.#post({ type: 'refuse', request, error: PeergradError.from(error).toJSON() }, worker)
    })
  }

  #disconnected(peer: PeerId): void {
    if (this.#connected.delete(peer)) this.emit('disconnect', { peer })
  }

  async #call<M extends keyof Calls>(
    method: M,
    args: Calls[M]['arguments'],
    signal?: AbortSignal
  ): Promise<Calls[M]['result']> {
    if (this.#restart !== undefined) await this.#restart
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (signal?.aborted === true) return Promise.reject(new PeergradError('aborted', `${method}: given up`))
    const id = this.#nextId++
    const forget = signal && onAbort(signal, () => this.#post({ type: 'cancel', id }))
    return new Promise<Calls[M]['result']>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject })
      this.#post({ type: 'call', id, method, arguments: args } as CallMessage)
    }).finally(() => {
      this.#pending.delete(id)
      forget?.()
    })
  }

  #post(message: ToWorker, worker = this.#worker): void {
    if (this.#ended === undefined) worker.postMessage(message)
  }

  #follow(worker: Worker): void {
    worker.on('message', (message: FromWorker) => this.#receive(message))
    let ended = false
    // an error is followed by the exit
    const once = (cause: unknown) => {
      if (!ended) this.#crashed(worker, crash(cause))
      ended = true
    }
    worker.on('error', once)
    worker.on('exit', () => once('it stopped'))
  }

  /** The first time another worker takes over, at the same port; peers that knew this one dial it again. */
  #crashed(worker: Worker, error: PeergradError): void {
    if (worker !== this.#worker || this.#ended !== undefined) return
    if (this.#restart !== undefined) return this.#end(error)
    this.#logger?.warn({ error: error.message }, 'the network thread is started again')
    for (const { reject } of this.#pending.values()) reject(error)
    for (const peer of this.#connected) this.#disconnected(peer)
    this.#restart = this.#startAgain().catch((cause: unknown) => this.#end(crash(cause)))
  }

  async #startAgain(): Promise<void> {
    const { worker, self } = await this.#replacement({
      ...this.#init,
      listen: samePort(this.#init.listen, this.#addresses),
      links: this.links()
    })
    if (self !== this.self) throw new PeergradError('internal', `the identity changed from ${this.self} to ${self}`)
    this.#worker = worker
    this.#follow(worker)
    this.#post({ type: 'admit', peers: this.#admitted })
    if (this.#run !== undefined) this.#post({ type: 'rendezvous', run: this.#run })
    for (const [digest, vector] of this.#served) this.#post({ type: 'serve', digest, vector })
  }

  /** The port may take a moment to be free again. */
  async #replacement(init: WorkerInit) {
    for (let tries = 1; ; tries++) {
      try {
        return await startWorker(init)
      } catch (error) {
        if (tries === TRIES || PeergradError.from(error).code !== 'argument') throw error
        await new Promise((resolve) => setTimeout(resolve, PAUSE))
      }
    }
  }

  #end(error: PeergradError): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    for (const { reject } of this.#pending.values()) reject(error)
    for (const peer of this.#connected) this.#disconnected(peer)
    if (error.code === 'crashed') this.emit('ended', { error })
  }
}

/** Where another worker can be found where the first one was: the ports that were had, for those that were open. */
function samePort(listen: readonly string[], had: readonly string[]): string[] {
  const direct = had.filter((address) => !address.includes('/p2p-circuit'))
  return listen.map((address) => {
    const web = /\/ws(\/|$)/
    const port = direct
      .filter((each) => web.test(each) === web.test(address))
      .map((each) => /\/tcp\/(\d+)/.exec(each)?.[1])
    return port[0] === undefined ? address : address.replace(/\/tcp\/0(?=\/|$)/, `/tcp/${port[0]}`)
  })
}

function checkDigest(digest: Digest): void {
  if (DIGEST_PATTERN.test(digest)) return
  throw new PeergradError('argument', `digest: got "${digest}", expected 64 lower-case hexadecimal digits`)
}
