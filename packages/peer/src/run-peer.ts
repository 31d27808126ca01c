import type { Digest, PeerId, RunEvent, StoreRule } from '@peergrad/core'
import { Checkpoints, type CheckpointsInit } from './checkpoint/checkpoints.js'
import { LinkReport } from './link-report.js'
import { evaluated } from './runtime/evaluated.js'
import type { PeerRuntimeInit, PeerSignals } from './runtime/peer-init.js'
import { PeerRuntime } from './runtime/peer-runtime.js'
import { phasePlaces } from './runtime/phase-places.js'

export interface RunPeerInit extends Omit<PeerRuntimeInit, 'emit' | 'checkpoints'>, PeerSignals {
  readonly emit: (event: RunEvent) => void
  /** what the rule is to databases, see Aggregator.inStore */
  readonly ruleInStore?: StoreRule
  /** whether this peer, with that rank at the end, evaluates the last model, which all hold; unless given it does */
  readonly evaluates?: (rank: number) => boolean
  /** where checkpoints go, and how often; none is written when absent */
  readonly checkpoints?: Pick<CheckpointsInit, 'directory' | 'every'>
}

/** What one peer did in its whole life; what it did in each round, and how long, its `round` events say. */
export interface PeerResult {
  readonly id: PeerId
  readonly rank: number
  readonly status: 'finished' | 'left'
  readonly rounds: number
  /** optimiser steps of the run, those before this peer came included */
  readonly steps: number
  /** of the run, the same */
  readonly round: number
  readonly parametersHash: Digest
  /** store key of the last model state */
  readonly state: string
  /** of the last model on the test split; absent when this peer left, or did not evaluate it */
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
  const links = new LinkReport({ ...init, mesh: swarm.mesh })
  const emit: PeerRuntimeInit['emit'] = (body) => {
    const event: RunEvent = { ...body, time: clock.now() - start, peer }
    init.emit(event)
    const due = links.after(event)
    if (due !== undefined) emit(due)
  }
  const checkpoints =
    init.checkpoints &&
    new Checkpoints({
      ...init.checkpoints,
      store,
      optimiser: init.strategy.outer ?? swarm.manifest.optimiser,
      layout: engine.layout,
      logger: init.logger,
      onSaved: (saved) => emit({ type: 'checkpoint', ...saved })
    })
  emit({
    type: 'started',
    run: swarm.run,
    manifest: swarm.manifest,
    engine: engine.name,
    engineWhy: engine.describe,
    store: store.name,
    denseInStore: store.capabilities.denseInStore,
    phasePlaces: phasePlaces(store.capabilities, init.strategy, init.ruleInStore)
  })
  const off = [
    swarm.mesh.on('connect', ({ peer: other }) => emit({ type: 'connected', other })),
    swarm.mesh.on('disconnect', ({ peer: other }) => emit({ type: 'disconnected', other })),
    swarm.on('refused', ({ peer: other, offence, reason }) => emit({ type: 'refused', other, offence, reason }))
  ]
  // some were there before anybody listened
  for (const other of swarm.mesh.connected()) emit({ type: 'connected', other })
  try {
    const outcome = await new PeerRuntime({ ...init, emit, checkpoints }).run(init)
    const asked = init.leave.aborted || init.stop.aborted
    const { step: steps, round } = outcome.position
    const rows = swarm.mesh.links()
    const sum = (count: (link: (typeof rows)[number]) => number) => rows.reduce((total, link) => total + count(link), 0)
    const tensorBytesSent = sum((link) => link.tensorBytesSent)
    const tensorBytesReceived = sum((link) => link.tensorBytesReceived)
    const checkpoint = await checkpoints?.finish(
      { ...outcome.position, finished: outcome.status === 'finished' },
      outcome.own
    )
    emit(links.report(outcome.status === 'finished'))
    if (outcome.status === 'stranded') throw outcome.error
    const evaluates = outcome.status === 'finished' && (init.evaluates?.(outcome.rank) ?? true)
    const evaluation = evaluates ? await evaluate(init, outcome.state) : undefined
    if (evaluation !== undefined) emit(evaluated(evaluation, { round: round - 1, last: true }))
    if (outcome.status === 'finished')
      emit({ type: 'finished', round: round - 1, parametersHash: outcome.parametersHash })
    else emit({ type: 'left', reason: asked ? 'asked to' : 'the strategy let it go' })
    return {
      id: peer,
      rank: outcome.rank,
      status: outcome.status,
      rounds: outcome.rounds,
      steps,
      round,
      parametersHash: outcome.parametersHash,
      state: outcome.state,
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
