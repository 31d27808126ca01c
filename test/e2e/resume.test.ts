import { existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { RunEvent } from '@peergrad/core'
import { describe, expect, test, vi } from 'vitest'
import { Cli, cli, processesWith, scratch, SMALL } from '../utils/cli.js'

// several runs of several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 300_000 })

const ROUNDS = 40
const RUN = [...SMALL, '--rounds', String(ROUNDS), '--peers', '3', '--checkpoint-every', '5', '--json']

interface Result {
  readonly rounds: number
  readonly checkpoint: string
  readonly peers: readonly { readonly id: string; readonly status: string; readonly parametersHash: string }[]
}

const hashes = ({ peers }: Result) => [...new Set(peers.map(({ parametersHash }) => parametersHash))]
const statuses = ({ peers }: Result) => peers.map(({ status }) => status)
const ids = ({ peers }: Result) => peers.map(({ id }) => id).sort()

function eventsIn(out: string): RunEvent[] {
  const file = join(out, 'events.ndjson')
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as RunEvent)
}

const checkpointsOf = (out: string, peer: number) => {
  const directory = join(out, `peer-${peer}`, 'checkpoints')
  const names = existsSync(directory) ? readdirSync(directory) : []
  return names
    .filter((name) => name.startsWith('round-'))
    .sort()
    .map((name) => join(directory, name))
}

/** Starts a run, and waits until a round is over and each peer has written a checkpoint. */
async function underWay(out: string): Promise<Cli> {
  const train = new Cli(['train', ...RUN, '--out', out])
  const ready = () =>
    eventsIn(out).some((event) => event.type === 'round' && event.round >= 9) &&
    [0, 1, 2].every((peer) => checkpointsOf(out, peer).length > 0)
  await expect
    .poll(() => (train.process.exitCode === null ? ready() : train.err), { timeout: 100_000, interval: 10 })
    .toBe(true)
  return train
}

/** Ends all processes of a run at once, with no time for any to do anything. */
async function killAll(train: Cli, out: string): Promise<void> {
  const peers = processesWith(`--out=${out}/peer-`)
  expect(peers).toHaveLength(3)
  for (const pid of peers) process.kill(pid, 'SIGKILL')
  train.process.kill('SIGKILL')
  await train.finished
}

async function resumed(out: string): Promise<{ result: Result; err: string }> {
  const { code, out: printed, err } = await cli('train', '--resume', out, '--memory', '64', '--json')
  expect(code, err).toBe(0)
  return { result: JSON.parse(printed) as Result, err }
}

let whole: string[] | undefined

/** The hash that the run ends with when nothing happens to it. */
async function withoutStop(): Promise<string[]> {
  if (whole !== undefined) return whole
  const { code, out, err } = await cli('train', ...RUN, '--out', scratch())
  expect(code, err).toBe(0)
  whole = hashes(JSON.parse(out) as Result)
  expect(whole).toHaveLength(1)
  return whole
}

describe('a run that goes on', () => {
  test('after Ctrl+C ends as one without the stop', async () => {
    const out = scratch()
    const train = await underWay(out)
    train.process.kill('SIGINT')
    const stopped = await train.finished
    expect(stopped.code).toBe(130)
    const before = eventsIn(out)
    const { result } = await resumed(out)
    expect(hashes(result)).toEqual(await withoutStop())
    expect([result.rounds, statuses(result)]).toEqual([ROUNDS, Array(3).fill('finished')])
    expect(ids(result)).toEqual(ids(JSON.parse(stopped.out) as Result))
    expect(existsSync(result.checkpoint)).toBe(true)
    const events = eventsIn(out)
    expect(events.slice(0, before.length)).toEqual(before)
    const times = events.map(({ time }) => time)
    expect(Math.min(...times.slice(before.length))).toBeGreaterThanOrEqual(times[before.length - 1]!)
  })

  test('after all were killed at once ends as one without', async () => {
    const out = scratch()
    await killAll(await underWay(out), out)
    const { result } = await resumed(out)
    expect(hashes(result)).toEqual(await withoutStop())
  })

  test('after that with a torn checkpoint ends as one without, and says which', async () => {
    const out = scratch()
    await killAll(await underWay(out), out)
    const newest = checkpointsOf(out, 1).at(-1)!
    truncateSync(newest, 1000)
    const { result, err } = await resumed(out)
    expect(hashes(result)).toEqual(await withoutStop())
    expect(err).toContain(`checkpoint ${newest}: `)
  })

  test('is refused where there is nothing to go on with', async () => {
    const out = scratch()
    const finished = await cli(
      'train',
      ...SMALL,
      '--rounds',
      '2',
      '--peers',
      '1',
      '--strategy',
      'local',
      '--json',
      '--out',
      out
    )
    expect(finished.code, finished.err).toBe(0)
    const refused = async (...args: string[]) => {
      const { code, out: printed, err } = await cli(...args)
      expect([code, printed]).toEqual([2, ''])
      expect(err).not.toMatch(/^\s+at /m)
      return err
    }
    expect(await refused('train', '--resume', out)).toContain('that run is over, after 2 rounds')
    expect(await refused('train', '--resume', out, '--seed', '3')).toContain('seed: got 3, but the run in')
    expect(await refused('train', '--resume', join(out, 'peer-0'))).toContain('there is no run.yaml in it')
    expect(await refused('train', '--resume', out, '--run', join(out, 'run.yaml'))).toContain('expected one of them')
    const { checkpoint } = JSON.parse(finished.out) as Result
    truncateSync(checkpoint, 1000)
    expect(await refused('peer', '--resume', checkpoint)).toContain(`checkpoint ${checkpoint}: `)
    expect(await refused('peer', '--resume', out)).toContain('there is no checkpoint in it')
  })
})
