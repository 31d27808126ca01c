import { join, sep } from 'node:path'
import { readFile } from 'node:fs/promises'
import { optimiserState, optionsToManifest, PeergradError, type Phase, type PhaseTimes } from '@peergrad/core'
import { CheckpointReader, wireBytes } from '@peergrad/peer'
import type { RunParts } from '../compose.js'
import type { RunResult } from '../outcome.js'
import { engineWorkers } from '../train/peer-arguments.js'
import { costOf, elsewhere, scalePhases, type Cost, type Elsewhere, type Used } from './cost.js'
import type { Entry } from './entries.js'
import { readHistory, thin, type History } from './history.js'
import { PRICES } from './prices.js'
import { targetOf, type Reached } from './target.js'
import { trafficOf, type Traffic } from './traffic.js'

/** What one run of a comparison came to. Times in seconds, sizes in bytes, costs in dollars. */
export interface Measures {
  /** of the strategy, without options */
  readonly name: string
  readonly engine: string
  readonly store: string
  /** from the first view to the end of the last round */
  readonly seconds: number
  readonly samples: number
  /** samples of its rounds that are in no update: of peers that went or were late, or gave a model that had made no step */
  readonly unread: number
  /** passes over the training samples */
  readonly epochs: number
  /** optimiser steps */
  readonly steps: number
  /** synchronisations */
  readonly rounds: number
  /** minibatches that each peer takes in one synchronisation */
  readonly minibatches: number
  /** of the last model on all test samples */
  readonly accuracy: number | null
  readonly loss: number | null
  /** mean over the peers */
  readonly phases: PhaseTimes
  readonly traffic: Traffic
  /** share of the contributions' bytes that filter and codec spared */
  readonly saved: number
  /** of the peer that held most; null when none could say */
  readonly peakMemoryBytes: number | null
  readonly cost: Cost | null
  readonly elsewhere: Elsewhere | null
  /** the first evaluation at the target; null without a target, or when none got there */
  readonly target: Reached | null
  readonly peers: readonly PeerMeasures[]
  readonly history: History
}

export interface PeerMeasures {
  readonly rank: number
  readonly status: string
  readonly peakMemoryBytes: number | null
  readonly secondsByPhase: PhaseTimes
}

export interface MeasureInit {
  readonly entry: Entry
  readonly parts: RunParts
  /** training samples of the data set */
  readonly trainSamples: number
  /** 0: none */
  readonly targetAccuracy: number
}

/** Rounds that a curve has at most. */
const POINTS = 400

/** What `train` wrote of a run. Error `corrupt` when it is no result. */
export async function readResult(directory: string): Promise<RunResult> {
  const file = join(directory, 'result.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as RunResult
  } catch (cause) {
    throw new PeergradError('corrupt', `${file}: is no result of a run; remove it, or use --fresh`, { file }, { cause })
  }
}

/** Reads the directory of a run that is over. Errors: `corrupt` when its files do not tell the same. */
export async function measure({ entry, parts, trainSamples, targetAccuracy }: MeasureInit): Promise<Measures> {
  const { directory, options } = entry
  const { strategy } = parts
  const result = await readResult(directory)
  const history = await readHistory(join(directory, 'events.ndjson'))
  const { rounds, seconds, peers } = result
  if (history.rounds.length !== rounds) {
    const message = `${directory}: events.ndjson tells of ${history.rounds.length} rounds and result.json of ${rounds}; run it anew with --fresh`
    throw new PeergradError('corrupt', message, { directory })
  }
  const samples = history.rounds.at(-1)?.samples ?? 0
  const peak = Math.max(0, ...peers.map(({ peakMemoryBytes }) => peakMemoryBytes ?? 0))
  /** peers on the average of the first so many rounds: one that went is paid for until then */
  const peersOf = (until: number) =>
    peers.reduce((sum, { status, rounds: own }) => sum + (status === 'finished' ? 1 : Math.min(1, own / until)), 0)
  const used: Used | null =
    peak === 0
      ? null
      : {
          strategy: strategy.name,
          peers: peersOf(Math.max(1, rounds)),
          rounds,
          minibatches: strategy.minibatches,
          threads: Math.min(strategy.minibatches, result.engineWorkers ?? engineWorkers(options)),
          seconds,
          gigabytes: peak / 2 ** 30,
          phases: phaseSums(result),
          places: result.phasePlaces
        }
  return {
    name: strategy.name,
    engine: result.engine,
    store: result.store,
    seconds,
    samples,
    unread: rounds * strategy.minibatches * options.batch * peers.length - samples,
    epochs: samples / trainSamples,
    steps: result.steps,
    rounds,
    minibatches: strategy.minibatches,
    accuracy: result.accuracy,
    loss: result.loss,
    phases: scalePhases(phaseSums(result), 1 / peers.length),
    traffic: trafficOf({ strategy, rounds, bytes: await vectorBytes(entry, parts, result), peers }),
    saved: result.contributions.saved,
    peakMemoryBytes: peak === 0 ? null : peak,
    cost: used && costOf(used, PRICES),
    elsewhere: used && elsewhere(used, PRICES),
    target: targetAccuracy > 0 ? targetOf({ targetAccuracy, history, used, peersOf }) : null,
    peers: peers.map(({ rank, status, peakMemoryBytes, secondsByPhase }) => ({
      rank,
      status,
      peakMemoryBytes,
      secondsByPhase
    })),
    history: thin(history, POINTS)
  }
}

function phaseSums({ peers }: RunResult): PhaseTimes {
  const sums: PhaseTimes = {}
  for (const { secondsByPhase } of peers) {
    for (const [phase, seconds] of Object.entries(secondsByPhase) as [Phase, number][])
      sums[phase] = (sums[phase] ?? 0) + seconds
  }
  return sums
}

/** Bytes of one vector as it travels, by the length that the run's checkpoint states; null without one. */
async function vectorBytes(
  { directory, options }: Entry,
  { codec, strategy }: RunParts,
  result: RunResult
): Promise<number | null> {
  if (result.checkpoint === null) return null
  // peer-0/checkpoints/file: the run may have been told its directory from another one
  const file = join(directory, ...result.checkpoint.split(sep).slice(-3))
  try {
    const reader = await CheckpointReader.open(file)
    const [{ length }, moments] = reader.vectors
    await reader.close()
    // no codec touches buffers; how many there are only moments tell, without which they count as coded
    const stateful = optimiserState(strategy.outer ?? optionsToManifest(options).optimiser) > 0
    const parameters = stateful ? moments.length : length
    return wireBytes(codec?.codec, { parameters, buffers: length - parameters })
  } catch (thrown) {
    // removed to make room
    if (PeergradError.from(thrown).code === 'missing') return null
    throw thrown
  }
}
