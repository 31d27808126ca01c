import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeergradError, type Strategy } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunParts } from '../../src/compose.js'
import type { Entry } from '../../src/compare/entries.js'
import { HistoryBuilder, readHistory, thin } from '../../src/compare/history.js'
import { measure } from '../../src/compare/measure.js'
import { trafficOf } from '../../src/compare/traffic.js'
import { EVENTS, peerOutcome, plan, refusal, result, writeRun } from '../fixtures/compared.js'

let out: string
beforeEach(() => void (out = mkdtempSync(join(tmpdir(), 'peergrad-compare-'))))
afterEach(() => rmSync(out, { recursive: true, force: true }))

function historyOf(events: typeof EVENTS) {
  const builder = new HistoryBuilder()
  for (const event of events) builder.add(event)
  return builder.history
}

describe('the history of a run', () => {
  test('counts from the first view to the last peer of each round, and sums the bytes of all', () => {
    expect(historyOf(EVENTS)).toEqual({
      rounds: [
        { round: 0, seconds: 2, samples: 64, sent: 1000, received: 1000, loss: 1.5 },
        { round: 1, seconds: 4, samples: 128, sent: 2000, received: 2000, loss: 0.5 }
      ],
      evaluations: [
        { round: 0, seconds: 2, sent: 1000, accuracy: 0.7, loss: 1, samples: 50 },
        { round: 1, seconds: 4, sent: 2000, accuracy: 0.9, loss: 0.5, samples: 100 }
      ]
    })
  })

  test('is the same in whatever order the peers tell it', () => {
    const evaluations = EVENTS.filter(({ type }) => type === 'evaluated')
    const others = EVENTS.filter(({ type }) => type !== 'evaluated')
    expect(historyOf([...evaluations.toReversed(), ...others.toReversed()])).toEqual(historyOf(EVENTS))
  })

  test('of models that differ has the one furthest behind, whoever tells first', () => {
    const evaluated = { type: 'evaluated', time: 3500, round: 0, loss: 1, samples: 1000 } as const
    const told = [
      { ...evaluated, peer: 'a', accuracy: 0.6 },
      { ...evaluated, peer: 'b', accuracy: 0.8 }
    ]
    for (const each of [told, told.toReversed()])
      expect(historyOf([...EVENTS, ...each]).evaluations[0]).toMatchObject({ accuracy: 0.6, samples: 1000 })
  })

  test('thinned, ends where it ended, with the mean of the losses', () => {
    const rounds = Array.from({ length: 7 }, (_, round) => ({
      round,
      seconds: round,
      samples: round,
      sent: round,
      received: round,
      loss: round
    }))
    const thinned = thin({ rounds, evaluations: [] }, 3).rounds
    expect(thinned.map(({ round, loss }) => [round, loss])).toEqual([
      [2, 1],
      [5, 4],
      [6, 6]
    ])
    expect(thin({ rounds, evaluations: [] }, 7).rounds).toEqual(rounds)
    expect(thin({ rounds: [], evaluations: [] }, 7).rounds).toEqual([])
  })

  test('of a file that is none says which line', async () => {
    const file = join(out, 'events.ndjson')
    writeFileSync(file, `${JSON.stringify(EVENTS[0])}\n{"type":`)
    expect(await refusal(() => readHistory(file))).toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('line 2')
    })
    expect(await refusal(() => readHistory(join(out, 'none')))).toMatchObject({ code: 'missing' })
  })
})

describe('bytes beside the formula', () => {
  // rank 0 sends twice what the others do
  const strategy = {
    traffic: ({ peers, rank, bytes, last }) => ({
      sent: (rank === 0 ? peers - 1 : 0.5) * bytes,
      received: bytes * (last === true ? 3 : 1)
    })
  } as Strategy
  const peers = [peerOutcome(0, 2200), peerOutcome(1, 1100), peerOutcome(2, 1100)]

  test('by rank and round, the last one apart, in all, and of vectors alone', () => {
    const traffic = trafficOf({ strategy, rounds: 2, bytes: 500, peers })
    expect(traffic.peers[0]!.formula).toEqual({ sent: 2000, received: 2000 })
    expect(traffic).toMatchObject({
      sent: 4400,
      received: 4400,
      tensors: { sent: 4370, received: 4370 },
      formula: { sent: 3000, received: 6000 },
      deviation: expect.closeTo(8800 / 9000 - 1, 12),
      tensorDeviation: expect.closeTo(8740 / 9000 - 1, 12),
      busiest: 4400
    })
  })

  test('is not known without the size of a vector, and no share of no bytes', () => {
    expect(trafficOf({ strategy, rounds: 2, bytes: null, peers })).toMatchObject({ formula: null, deviation: null })
    const none = { traffic: () => ({ sent: 0, received: 0 }) } as unknown as Strategy
    expect(trafficOf({ strategy: none, rounds: 2, bytes: 500, peers })).toMatchObject({
      formula: { sent: 0 },
      deviation: null
    })
  })

  test('of vectors is not known when a peer died', () => {
    const died = [peerOutcome(0, 100), peerOutcome(1, 100, { status: 'died', tensorBytesSent: null })]
    expect(trafficOf({ strategy, rounds: 1, bytes: 10, peers: died })).toMatchObject({
      tensors: null,
      tensorDeviation: null,
      deviation: expect.any(Number)
    })
  })
})

describe('measures', () => {
  async function entryOf(list = 'spirt:minibatches=2'): Promise<{ entry: Entry; parts: RunParts }> {
    const [entry] = await plan(list, out)
    if (entry!.parts instanceof PeergradError) throw entry!.parts
    return { entry: entry!, parts: entry!.parts }
  }

  test('are read from the directory of a run', async () => {
    const { entry, parts } = await entryOf()
    writeRun(entry)
    const measures = await measure({ entry, parts, trainSamples: 256, targetAccuracy: 0 })
    expect(measures).toMatchObject({
      seconds: 4,
      samples: 128,
      // of two rounds of two minibatches of 32 of each of two peers
      unread: 128,
      epochs: 0.5,
      steps: 2,
      rounds: 2,
      minibatches: 2,
      accuracy: 0.9,
      phases: { compute: 3, wait: 1 },
      peakMemoryBytes: 2 ** 30,
      target: null
    })
    expect(measures.traffic).toMatchObject({ sent: 2000, formula: null })
    expect(measures.cost!.parts.database).toBeCloseTo((2 * 4 * 0.17) / 3600, 12)
  })

  test('say when the target was first there, and what it took until then', async () => {
    const { entry, parts } = await entryOf('all-reduce')
    writeRun(entry)
    const at = async (targetAccuracy: number) =>
      (await measure({ entry, parts, trainSamples: 256, targetAccuracy })).target
    expect(await at(0.7)).toMatchObject({ round: 0, seconds: 2, bytes: 1000, accuracy: 0.7, samples: 50 })
    // the estimate of the last round says less than all test samples do
    expect(await at(0.85)).toMatchObject({ round: 1, seconds: 4, bytes: 2000, accuracy: 0.9, samples: 100 })
    expect(await at(0.95)).toBeNull()
    const [half, whole] = [await at(0.7), await at(0.85)]
    const requests = 2 * 0.2e-6
    expect(half!.dollars! - requests).toBeCloseTo((whole!.dollars! - requests) / 2, 12)
  })

  test('price the threads that the run had', async () => {
    const [entry] = await plan('spirt:minibatches=2', out, { 'engine-workers': 2 })
    if (entry!.parts instanceof PeergradError) throw entry!.parts
    writeRun(entry!, result({ engineWorkers: 1 }))
    const { cost } = await measure({ entry: entry!, parts: entry!.parts, trainSamples: 256, targetAccuracy: 0 })
    // two peers that computed for 3 s with 1 GB on one thread; a request for each minibatch
    expect(cost!.parts.functions).toBeCloseTo(6 * 1.33334e-5 + 2 * 2 * 2 * 0.2e-6, 12)
  })

  test('bill a peer that was let go for the rounds that it was in', async () => {
    const { entry, parts } = await entryOf('mlless')
    writeRun(entry, result({ peers: [peerOutcome(0, 1000), peerOutcome(1, 500, { status: 'left', rounds: 1 })] }))
    const { elsewhere, target } = await measure({ entry, parts, trainSamples: 256, targetAccuracy: 0.7 })
    expect(elsewhere!.ec2).toBeCloseTo((1.5 * 4 * 0.17) / 3600, 12)
    // at the end of the first round both were there
    expect(target).toMatchObject({ round: 0 })
  })

  test('know no cost without the memory', async () => {
    const { entry, parts } = await entryOf()
    const peers = [peerOutcome(0, 100, { peakMemoryBytes: null })]
    writeRun(entry, result({ peers }))
    const measures = await measure({ entry, parts, trainSamples: 256, targetAccuracy: 0.1 })
    expect(measures).toMatchObject({ peakMemoryBytes: null, cost: null, elsewhere: null, target: { dollars: null } })
  })

  test('refuse files that do not tell the same', async () => {
    const { entry, parts } = await entryOf()
    writeRun(entry, result({ rounds: 3 }))
    const init = { entry, parts, trainSamples: 256, targetAccuracy: 0 }
    expect(await refusal(() => measure(init))).toMatchObject({ code: 'corrupt' })
    writeFileSync(join(entry.directory, 'result.json'), '{')
    expect(await refusal(() => measure(init))).toMatchObject({ code: 'corrupt' })
  })
})
