import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  Arena,
  optionsToManifest,
  parseSchedule,
  PeergradError,
  systemClock,
  type Logger,
  type Options,
  type RunEvent
} from '@peergrad/core'
import type { SaveRequest } from '@peergrad/engine'
import {
  CHECKPOINTS,
  keptAddresses,
  loadCheckpoint,
  resumedFrom,
  runPeer,
  Swarm,
  type SwarmInit,
  type PeerResult
} from '@peergrad/peer'
import { arm, HONEST } from '../attack/arm.js'
import type { AttackPlan } from '../attack/plan.js'
import { checkComponents, openParts, type PeerParts } from '../compose.js'
import { MODEL, PEERS } from '../files.js'
import { checkOfRun } from '../former.js'
import { openLog } from '../logging/log.js'
import { secretsOf } from '../logging/secrets.js'
import { checkStore } from '../stores.js'
import { foundedBy } from './admission.js'
import { closeAll, type Closing } from './closing.js'
import { credentialsOf } from './credentials.js'
import { EventLog } from './event-log.js'
import { holdIdentity } from './identity.js'
import type { Joinable } from './join-command.js'
import { joinable } from './joinable.js'
import type { Leaving } from './leaving.js'
import { openMesh } from './network.js'

/** Test samples of the evaluations during a run. */
const ESTIMATE = 1000

export interface PeerInit {
  readonly options: Options
  /** where its files go */
  readonly out: string
  /** false when the run is to come from the peers to join */
  readonly describesRun: boolean
  /** the checkpoint to go on from */
  readonly resume?: string
  /** the command that joins this peer is for any number of others, where it holds an invitation */
  readonly reusable?: boolean
  /** of a hostile peer */
  readonly plan?: AttackPlan
  readonly leaving: Pick<Leaving, 'leave' | 'stop' | 'ends' | 'giveUp'>
  /** whether this peer, with that rank at the end of the run, does what one does for all: evaluates the model, and writes it for other tools */
  readonly speaks: (rank: number) => boolean
  /** writes a line of the log for a person; undefined when nobody is at a terminal */
  readonly terminal?: ((line: string) => void) | undefined
  readonly onListening?: (peer: string, addresses: readonly string[]) => void
  /** called when this peer knows its run, and so can be joined */
  readonly onJoinable?: (joinable: Joinable) => void
  /** called while this peer waits for others to begin the run with, or to go on with it, when it is another number of them */
  readonly onWaiting?: SwarmInit['onWaiting']
  /** where this peer's metrics are, as soon as they are */
  readonly onMetrics: (url: string) => void
  readonly onEvent: (event: RunEvent) => void
}

export interface PeerEnd extends PeerResult {
  /** the directory of the model for other tools, when it was written */
  readonly model?: string
  /** why the model was not written for other tools, when it was to be */
  readonly unexported?: string
}

/** One peer from its start to the end of its run. Everything it opened is closed when it resolves or rejects. */
export async function onePeer(init: PeerInit): Promise<PeerEnd> {
  const { options, out, describesRun, plan, leaving, onMetrics, onEvent } = init
  const { leave, stop, ends, giveUp } = leaving
  const own = describesRun ? optionsToManifest(options) : undefined
  // what can be seen to be wrong is said before anything is opened
  if (own === undefined) await checkStore(options)
  else await checkComponents(own, options)
  const credentials = credentialsOf(options)
  const logger = openLog({
    file: options['log-file'] ?? join(out, 'peer.log'),
    level: options['log-level'],
    secrets: secretsOf(options),
    terminal: init.terminal
  })
  const clock = systemClock()
  const opened: Closing[] = []
  try {
    const metrics = options.metrics === undefined ? undefined : await openMetrics(options.metrics)
    if (metrics !== undefined) {
      opened.push(metrics)
      onMetrics(metrics.url)
      ends.addEventListener('abort', () => metrics.leave())
    }
    const arena = Arena.create({ bytes: options.memory * 2 ** 20 })
    const identity = await holdIdentity(options)
    opened.push(identity)
    const addressBook = join(out, PEERS)
    const kept = await keptAddresses(addressBook)
    const network = await openMesh({ options, identity: identity.file, addressBook, plan, arena, logger, signal: ends })
    opened.push(network)
    metrics?.network(network)
    const armed = plan === undefined ? HONEST : arm(plan.attack, { self: network.self, ...plan })
    const mesh = armed.mesh(network)
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
    const resumed = init.resume === undefined ? undefined : await resumedFrom(init.resume)
    const swarm = new Swarm({
      mesh,
      clock,
      logger,
      // when nobody answers where this peer was told to look, somebody may where others were
      join: options.join.length > 0 ? [...options.join, ...kept] : [],
      ...(options['run-id'] !== undefined && { expected: options['run-id'] }),
      sha256,
      credentials,
      onWaiting: init.onWaiting,
      ...(own && { manifest: foundedBy(own, mesh.self) }),
      ...(resumed && { resumed })
    })
    opened.push(swarm)
    swarm.on('stranger', ({ peer }) => network.hangUp(peer))
    const events = new EventLog()
    swarm.show((from) => events.since(from))
    init.onListening?.(mesh.self, await mesh.addresses())

    const patience = options.patience * 1000
    const manifest = await swarm.find({ deadline: patience, signal: ends })
    await checkOfRun(out, swarm.run)
    network.rendezvous(swarm.run)
    // others may have told this one by now where it can be dialled
    const addresses = await mesh.addresses()
    const { reusable = false } = init
    init.onJoinable?.(await joinable({ manifest, run: swarm.run, addresses, identity: identity.file, reusable }))
    const parts = await openParts({
      manifest,
      options,
      run: swarm.run,
      peer: mesh.self,
      arena,
      clock,
      logger,
      signal: ends,
      opened,
      armed
    })
    const { store, engine } = parts
    metrics?.store(store)
    const resume =
      init.resume === undefined
        ? undefined
        : await loadCheckpoint(init.resume, {
            store,
            layout: engine.layout,
            manifest,
            optimiser: parts.strategy.outer ?? manifest.optimiser
          })
    logger.info({ run: swarm.run, engine: engine.describe, store: store.name, from: init.resume }, 'ready to train')
    const result = await runPeer({
      ...parts,
      strategy: armed.strategy(parts.strategy, manifest),
      engine: armed.engine(engine),
      store: armed.store(store),
      swarm,
      schedule: parseSchedule(manifest.schedule),
      clock,
      logger,
      emit: (event) => {
        logEvent(logger, event)
        metrics?.add(event)
        events.add(event)
        onEvent(event)
      },
      evaluateEvery: options['evaluate-every'],
      evaluateSamples: ESTIMATE,
      patience,
      checkpoints: { directory: join(out, CHECKPOINTS), every: options['checkpoint-every'] },
      ...(resume && { resume }),
      evaluates: init.speaks,
      leave,
      stop,
      signal: giveUp
    })
    if (result.status !== 'finished' || !init.speaks(result.rank)) return result
    const about = { run: swarm.run, round: result.round }
    const model = join(out, MODEL)
    const unexported = await saveModel(parts, result.state, { directory: model, about })
    return unexported === undefined ? { ...result, model } : { ...result, unexported: unexported.message }
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    logger.error({ code: error.code, ...error.data }, error.message)
    throw error
  } finally {
    await closeAll(opened, logger)
  }
}

/** What few peers do is imported for them only. */
async function openMetrics(address: string) {
  const { MetricsEndpoint } = await import('../metrics/endpoint.js')
  return MetricsEndpoint.open(address)
}

/** Resolves to why it could not: a run does not fail by that. */
async function saveModel(
  { engine, store }: Pick<PeerParts, 'engine' | 'store'>,
  key: string,
  where: Omit<SaveRequest, 'state'>
): Promise<PeergradError | undefined> {
  const state = await store.get(key)
  try {
    await engine.saveLayersModel({ state: state.vector, ...where })
    return undefined
  } catch (thrown) {
    return PeergradError.from(thrown)
  } finally {
    state.release()
  }
}

function logEvent(logger: Logger, { type, time: _time, peer: _peer, ...facts }: RunEvent): void {
  if (type === 'phase' || type === 'links') logger.debug(facts, type)
  else if (type === 'refused' || type === 'suspected' || type === 'diverged' || type === 'paused')
    logger.warn(facts, type)
  // who they are is in the events
  else logger.info('contributors' in facts ? { ...facts, contributors: facts.contributors.length } : facts, type)
}
