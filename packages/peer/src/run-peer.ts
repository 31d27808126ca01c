import { PeergradError, type Digest, type PeerId, type RunEvent, type Vector } from '@peergrad/core'
import { writeCheckpoint } from './checkpoint.js'
import { PeerRuntime, type PeerRuntimeInit } from './runtime/peer-runtime.js'
import { stateKeys } from './runtime/state-sync.js'

export interface RunPeerInit extends Omit<PeerRuntimeInit, 'emit'> {
  readonly emit: (event: RunEvent) => void
  /** where the checkpoint goes; none is written when absent */
  readonly checkpoint?: string
  /** aborts to leave the run in good order */
  readonly leave: AbortSignal
  /** aborts to give up at once */
  readonly signal: AbortSignal
}

/** What one peer did in its whole life; what it did in each round, and how long, its `round` events say. */
export interface PeerResult {
  readonly id: PeerId
  readonly rank: number
  readonly status: 'finished' | 'left'
  readonly rounds: number
  readonly steps: number
  readonly parametersHash: Digest
  /** of the last model on the test split; absent when this peer left */
  readonly accuracy?: number
  readonly loss?: number
  readonly trainingLoss?: number
  readonly seconds: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly tensorBytesSent: number
  readonly tensorBytesReceived: number
  readonly members: readonly PeerId[]
  readonly checkpoint?: string
}

/** Trains one peer to the end of the run: rounds, last evaluation, checkpoint, result. */
export async function runPeer(init: RunPeerInit): Promise<PeerResult> {
  const { swarm, engine, store, clock } = init
  const peer = swarm.mesh.self
  const start = clock.now()
  const emit: PeerRuntimeInit['emit'] = (event) => init.emit({ ...event, time: clock.now() - start, peer })
  emit({
    type: 'started',
    run: swarm.run,
    manifest: swarm.manifest,
    engine: engine.name,
    engineWhy: engine.describe,
    store: store.name
  })
  const off = [
    swarm.mesh.on('connect', ({ peer: other }) => emit({ type: 'connected', other })),
    swarm.mesh.on('disconnect', ({ peer: other }) => emit({ type: 'disconnected', other })),
    swarm.on('refused', ({ peer: other, reason }) => emit({ type: 'refused', other, offence: 'join', reason }))
  ]
  try {
    const outcome = await new PeerRuntime({ ...init, emit }).run({ leave: init.leave, signal: init.signal })
    const links = swarm.mesh.links()
    const sum = (count: (link: (typeof links)[number]) => number) =>
      links.reduce((total, link) => total + count(link), 0)
    const tensorBytesSent = sum((link) => link.tensorBytesSent)
    const tensorBytesReceived = sum((link) => link.tensorBytesReceived)
    const checkpoint = await saveCheckpoint(init, outcome, emit)
    if (outcome.status === 'stranded') throw outcome.error
    const evaluation = outcome.status === 'finished' ? await evaluate(init, outcome.state) : undefined
    if (evaluation !== undefined) emit({ type: 'evaluated', round: outcome.steps - 1, ...evaluation })
    if (outcome.status === 'finished')
      emit({ type: 'finished', round: outcome.steps - 1, parametersHash: outcome.parametersHash })
    else emit({ type: 'left', reason: 'asked to' })
    return {
      id: peer,
      rank: outcome.rank,
      status: outcome.status,
      rounds: outcome.rounds,
      steps: outcome.steps,
      parametersHash: outcome.parametersHash,
      accuracy: evaluation?.accuracy,
      loss: evaluation?.loss,
      trainingLoss: outcome.trainingLoss,
      seconds: outcome.milliseconds / 1000,
      bytesSent: tensorBytesSent + sum((link) => link.controlBytesSent),
      bytesReceived: tensorBytesReceived + sum((link) => link.controlBytesReceived),
      tensorBytesSent,
      tensorBytesReceived,
      members: outcome.members,
      checkpoint
    }
  } finally {
    for (const remove of off) remove()
  }
}

async function evaluate({ engine, store, signal }: RunPeerInit, key: string) {
  const state = await store.get(key)
  try {
    return await engine.evaluate({ state: state.vector, signal })
  } finally {
    state.release()
  }
}

async function saveCheckpoint(
  { checkpoint, swarm, store, engine }: RunPeerInit,
  outcome: Awaited<ReturnType<PeerRuntime['run']>>,
  emit: PeerRuntimeInit['emit']
): Promise<string | undefined> {
  if (checkpoint === undefined) return undefined
  const { round } = outcome
  const leases = await Promise.all(stateKeys(round, swarm.manifest.optimiser).map((key) => store.get(key)))
  try {
    const vectors: Vector[] = leases.map(({ vector }) => vector)
    await writeCheckpoint(checkpoint, engine.layout, vectors, {
      run: swarm.run,
      manifest: swarm.manifest,
      round,
      step: outcome.steps,
      data: outcome.position
    })
    emit({ type: 'checkpoint', round, file: checkpoint })
    return checkpoint
  } catch (thrown) {
    throw PeergradError.from(thrown)
  } finally {
    for (const lease of leases) lease.release()
  }
}
