/**
 * One real peer for tests and benches: the network, store and runtime that a user's peer has, put together as the
 * command line does, with an engine that is cheap enough for dozens of them on a small machine. It talks to the
 * process that started it over IPC, and ends with it.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { BroadcastChannel, type Worker } from 'node:worker_threads'
import {
  Arena,
  filterOf,
  loadPlugin,
  optionsToManifest,
  parseSchedule,
  PeergradError,
  resolveOptions,
  resolvePlugin,
  systemClock,
  type Attack,
  type Clock,
  type CodecFactory,
  type Engine,
  type GradientStore,
  type Logger,
  type Mesh,
  type PluginReference,
  type RunManifest,
  type StrategyFactory
} from '@peergrad/core'
import { createNetworkMesh, networkAttacks, runPeer, Swarm } from '@peergrad/peer'
import { memoryStore, MODULE, PrivateServer, redisStore } from '@peergrad/store'
import { aggregators, attacks, codecs, disguiseOf, filters, strategies } from '@peergrad/strategies'
import { replace } from '../sim/replace.js'
import { openEngine } from './engines.js'
import { mappings } from './mappings.js'
import {
  CHANNEL,
  type BetweenThreads,
  type FromPeer,
  type PeerSettings,
  type ThreadName,
  type ThreadUse,
  type Use,
  type ToPeer
} from './protocol.js'
import { threadUse } from './thread.js'
import { Lies } from './lies.js'
import { Traps } from './traps.js'

/** Milliseconds that a peer has to leave in good order, as on the command line. */
const GRACE = 4000
/** Events that nobody who starts this peer looks at, several in each round. */
const CHATTER = ['phase', 'evaluated', 'links']
const ALWAYS = { start: 0, stop: Infinity, every: 1, targets: [] }

const settings = JSON.parse(process.argv[2] ?? '') as PeerSettings
const leave = new AbortController()
const giveUp = new AbortController()
const traps = new Traps()
const lies = new Lies()
const threads: { of: ThreadName; worker: Worker }[] = []
/** what the next thread will be */
let starting: ThreadName = 'network'
let finishing = false
let mesh: Mesh | undefined

traps.set(settings.trap)
process.on('worker', (worker) => {
  const of = starting
  threads.push({ of, worker })
  worker.once('exit', () => {
    // the next one takes its place
    starting = of
    void say({ type: 'thread-ended', of })
  })
})
process.on('disconnect', () => process.exit(1))
process.on('message', (message: ToPeer) => obey(message))
await main()

function say(message: FromPeer): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, () => resolve())
    else resolve()
  })
}

function obey(message: ToPeer): void {
  switch (message.type) {
    case 'leave':
      leave.abort(new PeergradError('aborted', 'asked to leave'))
      setTimeout(() => giveUp.abort(leave.signal.reason), GRACE).unref()
      return
    case 'finish':
      finishing = true
      return
    case 'use':
      return void tellUse(message.id)
    case 'trap':
      return traps.set(message.trap)
    case 'end-thread':
      return void threads.findLast(({ of }) => of === message.of)?.worker.terminate()
    case 'hoard':
      return hoard()
  }
}

async function main(): Promise<void> {
  const { signal } = leave
  const logger = standardErrorLogger()
  const clock = systemClock()
  const patience = settings.patience
  const closing: { close(): unknown }[] = []
  try {
    const arena = Arena.create({ bytes: settings.memory })
    const attack = await openAttack()
    const network = await createNetworkMesh({
      identityFile: settings.identity,
      listen: settings.listen,
      ...(settings.transport !== undefined && { transport: settings.transport }),
      ...(settings.fastLane !== undefined && { fastLane: settings.fastLane }),
      ...below(attack),
      bootstrap: settings.join,
      topic: 'run',
      memory: arena.memory,
      signal,
      logger
    })
    closing.push(network)
    const disguise =
      attack === undefined ? {} : disguiseOf(attack, { self: network.self, accomplices: [], schedule: ALWAYS })
    // outside of the disguise, for what that says need not be a message
    mesh = traps.mesh(disguise.mesh === undefined ? network : lies.above(disguise.mesh(lies.below(network))))
    const founding = settings.join.length === 0 && {
      manifest: optionsToManifest(resolveOptions({ flags: settings.run }).options)
    }
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
    const swarm = new Swarm({ mesh, clock, logger, join: settings.join, sha256, ...founding })
    closing.push(swarm)
    await say({ type: 'listening', peer: mesh.self, addresses: await mesh.addresses() })

    const manifest = await swarm.find({ deadline: patience, signal })
    starting = 'engine'
    const { engine, partition } = await openEngine(settings, { manifest, arena, clock, disguise })
    closing.push(engine)
    starting = 'store'
    const honest = traps.store(await openStore({ peer: mesh.self, arena, clock, logger, closing }))
    const store = disguise.store?.(honest) ?? honest
    closing.push(store)
    const { strategy, ...parts } = await openPlugins(manifest)
    await say({ type: 'ready', wall: Date.now() })
    const result = await runPeer({
      ...parts,
      strategy: disguise.strategy?.(strategy, manifest) ?? strategy,
      swarm,
      engine: endable(disguise.engine?.(engine) ?? engine),
      store,
      partition,
      schedule: parseSchedule(manifest.schedule),
      clock,
      logger,
      emit: (event) => {
        if (!CHATTER.includes(event.type) || 'last' in event) void say({ type: 'event', wall: Date.now(), event })
      },
      evaluateEvery: 1,
      evaluateSamples: 10,
      patience,
      ...(settings.checkpoints !== undefined && { checkpoints: { directory: settings.checkpoints, every: 5 } }),
      leave: signal,
      stop: new AbortController().signal,
      signal: giveUp.signal
    })
    await say({ type: 'ended', wall: Date.now(), result })
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    logger.error({ code: error.code, ...error.data }, error.message)
    await say({ type: 'failed', wall: Date.now(), error: error.toJSON() })
    process.exitCode = 1
  } finally {
    for (const each of closing.reverse()) await each.close()
    process.disconnect()
  }
}

async function openAttack(): Promise<Attack | undefined> {
  if (settings.attack === undefined) return undefined
  const entries = new Map([...attacks.entries, ...networkAttacks.entries])
  return loadPlugin('attack', resolvePlugin({ kind: 'attack', entries }, settings.attack))
}

/** What an attack puts below the mesh; sockets beside it would be honest. */
function below(attack: Attack | undefined) {
  const transport = attack !== undefined && 'transport' in attack ? attack.transport : undefined
  return transport === undefined ? {} : { transport, fastLane: false }
}

async function openStore({ peer, arena, clock, logger, closing }: StoreInit): Promise<GradientStore> {
  if (settings.store !== 'redis') return memoryStore({ arena, clock, logger })
  const module = existsSync(MODULE) && { module: MODULE }
  const server = await PrivateServer.start({ peer, memory: settings.memory, logger, ...module })
  closing.push(server)
  await say({ type: 'database', pid: server.pid ?? 0 })
  return redisStore({ url: server.url, run: 'faults', peer, arena, clock, logger })
}

interface StoreInit {
  readonly peer: string
  readonly arena: Arena
  readonly clock: Clock
  readonly logger: Logger
  readonly closing: { close(): unknown }[]
}

async function openPlugins(manifest: RunManifest) {
  const architecture = resolvePlugin(strategies, manifest.strategy)
  const factory = await made<StrategyFactory>(architecture)
  const strategy = factory({ minibatches: manifest.minibatches, ...architecture.options })
  const reference = resolvePlugin(codecs, manifest.codec)
  const codec = (await made<CodecFactory>(reference))(reference.options)
  const filter = filterOf(strategy, codec, manifest)
  return {
    strategy,
    aggregator: resolvePlugin(aggregators, manifest.aggregator),
    ...(filter !== undefined && { filter: resolvePlugin(filters, filter) }),
    ...(manifest.codec !== 'f32' && { codec: { reference, codec } })
  }
}

async function made<Factory>({ module, export: name }: PluginReference): Promise<Factory> {
  return ((await import(module)) as Record<string, Factory>)[name]
}

/** An engine whose evaluations meet the run's target from when the test says so, and not before. */
function endable(engine: Engine): Engine {
  return replace(engine, {
    evaluate: async (request) => ({ ...(await engine.evaluate(request)), accuracy: finishing ? 1 : 0 })
  })
}

async function tellUse(id: number): Promise<void> {
  const uses = [threadUse(), ...(await otherThreads())]
  const sum = (of: (thread: ThreadUse) => number) => uses.reduce((total, thread) => total + of(thread), 0)
  const descriptors = readdirSync('/proc/self/fd').length
  const rss = process.memoryUsage.rss()
  const reserve = sum((thread) => thread.reserve)
  const use: Use = {
    rss,
    resident: rss - reserve,
    reserve,
    threads: uses,
    mappings: mappings(),
    heapUsed: sum(({ heapUsed }) => heapUsed),
    external: sum(({ external }) => external),
    timers: sum(({ timers }) => timers),
    descriptors,
    lies: lies.count,
    controlBytesSent: mesh?.links().reduce((total, link) => total + link.controlBytesSent, 0) ?? 0
  }
  await say({ type: 'use', id, use })
}

async function otherThreads(): Promise<ThreadUse[]> {
  const running = threads.filter(({ worker }) => worker.threadId > 0).length
  const uses: ThreadUse[] = []
  const channel = new BroadcastChannel(CHANNEL)
  await new Promise<void>((resolve) => {
    channel.onmessage = (event) => {
      const message = (event as { data: BetweenThreads }).data
      if (message.type === 'use' && message.use.thread > 0) uses.push(message.use)
      if (uses.length === running) resolve()
    }
    channel.postMessage({ type: 'use?' } satisfies BetweenThreads)
  })
  channel.close()
  return uses
}

function hoard(): never {
  const kept: unknown[] = []
  for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })))
}

function standardErrorLogger(): Logger {
  const write = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    void process.stderr.write(`${JSON.stringify({ wall: Date.now(), level, message, ...fields })}\n`)
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
