import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunEvent } from '@peergrad/core'
import { CheckpointReader } from '@peergrad/peer'
import { spirt } from '@peergrad/strategies'
import { expect, test } from 'vitest'
import { Cli, processesWith, scratch } from '../utils/cli.js'

const ROUNDS = 12

interface Result {
  readonly checkpoint: string
  readonly accuracy: number
  readonly peers: readonly { readonly id: string; readonly parametersHash: string }[]
}

test('four processes train one CNN on MNIST with SPIRT', { timeout: 300_000 }, async () => {
  const out = scratch()
  const args = ['--strategy', 'spirt', '--rounds', String(ROUNDS), '--minibatches', '1', '--lr', '0.001', '--seed', '1']
  const train = new Cli(['train', ...args, '--out', out, '--json'])
  const processes = () => [0, 1, 2, 3].map((number) => processesWith(`--out=${out}/peer-${number}`))
  let alive: number[][] = []
  await expect.poll(() => (alive = processes()).map((pids) => pids.length), { timeout: 100_000 }).toEqual([1, 1, 1, 1])
  expect(new Set([train.process.pid, ...alive.flat()]).size).toBe(5)

  const { code, out: printed, err } = await train.finished
  expect(code, err).toBe(0)
  const result = JSON.parse(printed) as Result
  expect(result).toMatchObject({ strategy: 'spirt', dataset: 'mnist', model: 'cnn', rounds: ROUNDS, agreed: true })
  expect(result).toMatchObject({
    evaluatedSamples: 10_000,
    peers: Array(4).fill({ status: 'finished', rounds: ROUNDS })
  })
  expect(result.accuracy).toBeGreaterThan(0.5)
  expect(new Set(result.peers.map(({ id }) => id)).size).toBe(4)
  expect(new Set(result.peers.map(({ parametersHash }) => parametersHash)).size).toBe(1)

  const bytes = await modelBytes(result.checkpoint)
  const events = readFileSync(join(out, 'events.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent)
  // all were there from the first view on: nobody had to take the state of the run
  expect(events.filter(({ type }) => type === 'healed')).toEqual([])
  const rounds = events.filter((event) => event.type === 'round')
  for (const { id } of result.peers) {
    const own = rounds.filter(({ peer }) => peer === id)
    const formula = spirt({}).traffic({ peers: 4, rank: 0, bytes })
    // the median: a peer that is late in one round takes that round's outcome from the others, one vector more
    expectWithin(0.03, median(own.map(({ bytesSent }) => bytesSent)), formula.sent)
    expectWithin(0.03, median(own.map(({ bytesReceived }) => bytesReceived)), formula.received)
    // and so now and then only
    const received = own.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0)
    expect(received).toBeLessThan(1.25 * ROUNDS * formula.received)
  }
})

/** Of the model state, parameters and buffers, without the optimiser's vectors. */
async function modelBytes(checkpoint: string): Promise<number> {
  const reader = await CheckpointReader.open(checkpoint)
  await reader.close()
  return 4 * reader.vectors[0]!.length
}

function expectWithin(share: number, got: number, expected: number): void {
  expect(Math.abs(got - expected) / expected, `got ${got}, expected about ${expected}`).toBeLessThan(share)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
