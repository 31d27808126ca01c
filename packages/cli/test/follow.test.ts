import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeergradError, type RunEvent } from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Child } from '../src/train/child.js'
import { follow } from '../src/train/follow.js'
import { silenceOf, type SilenceInit } from '../src/train/silence.js'

const PROGRAM = join(import.meta.dirname, 'fixtures', 'fake-peer.mjs')
const A = 'a'.repeat(64)
const B = 'b'.repeat(64)

let out: string
let children: Child[]
let said: string

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'peergrad-follow-'))
  children = []
  said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text)
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
  for (const child of children) child.kill()
  rmSync(out, { recursive: true, force: true })
})

function run(
  behaviours: readonly string[][],
  {
    interrupt = new AbortController().signal,
    grace = 10_000,
    numbers = [...behaviours.keys()],
    hostile = [] as number[],
    goOn = false,
    silence = undefined as SilenceInit | undefined,
    hostileSilence = undefined as SilenceInit | undefined
  } = {}
) {
  const ids = ['first', 'second', 'third']
  return follow({
    numbers,
    hostile,
    program: PROGRAM,
    args: (number) => [behaviours[number]![0]!, ids[number]!, ...behaviours[number]!.slice(1)],
    out,
    goOn,
    interrupt,
    grace,
    ...(silence && { silence }),
    ...(hostileSilence && { hostileSilence }),
    onChild: (child) => children.push(child)
  })
}

const alive = () => children.filter(({ running }) => running).length

describe('follow', () => {
  test('makes one result of the peers’ events', async () => {
    const { result } = await run([['finish'], ['finish']])
    expect(result).toMatchObject({
      run: B,
      strategy: 'spirt',
      aggregator: 'mean',
      dataset: 'synthetic',
      model: 'mlp',
      engine: 'wasm',
      engineWhy: 'wasm 4.22.0: on every machine',
      store: 'memory',
      denseInStore: true,
      rounds: 2,
      steps: 2,
      accuracy: 0.97,
      loss: 0.1,
      evaluatedSamples: 10_000,
      agreed: true,
      checkpoint: 'first.safetensors'
    })
    expect(result.peers.map(({ id, rank }) => [id, rank])).toEqual([
      ['first', 0],
      ['second', 1]
    ])
    expect(result.peers[1]).toEqual({
      id: 'second',
      rank: 1,
      status: 'finished',
      rounds: 2,
      parametersHash: A,
      bytesSent: 1000,
      bytesReceived: 2000,
      tensorBytesSent: 900,
      tensorBytesReceived: 1800,
      peakMemoryBytes: 5e7,
      secondsComputing: 0.1,
      secondsCommunicating: 0.1,
      secondsAggregating: 0.02,
      secondsByPhase: { compute: 0.1, wait: 0.04, fetch: 0.06, aggregate: 0.01, update: 0.01 }
    })
    expect(alive()).toBe(0)
  })

  test('writes every event on a line of its own, in time of the run', async () => {
    await run([['finish'], ['finish']])
    const lines = readFileSync(join(out, 'events.ndjson'), 'utf8').trimEnd().split('\n')
    const events = lines.map((line) => JSON.parse(line) as RunEvent)
    for (const peer of ['first', 'second']) {
      const types = events.filter((event) => event.peer === peer).map(({ type }) => type)
      expect(types).toEqual(['started', 'view', 'round', 'round', 'checkpoint', 'evaluated', 'finished'])
    }
    expect(Math.min(...events.map(({ time }) => time))).toBe(0)
  })

  test('keeps the time of the run when an event comes from before the first', async () => {
    await run([['set-back']])
    const lines = readFileSync(join(out, 'events.ndjson'), 'utf8').trimEnd().split('\n')
    const times = lines.map((line) => (JSON.parse(line) as RunEvent).time)
    expect(times.slice(0, 2)).toEqual([0, 0])
    expect(Math.max(...times)).toBeLessThan(Date.now() / 2)
  })

  test('of a run that goes on, adds to the events that are there', async () => {
    const events = () => readFileSync(join(out, 'events.ndjson'), 'utf8').trimEnd().split('\n')
    await run([['finish'], ['finish']])
    const before = events()
    await run([['finish'], ['finish']], { goOn: true, numbers: [1, 0] })
    expect(events().slice(0, before.length)).toEqual(before)
    const times = events().map((line) => (JSON.parse(line) as RunEvent).time)
    expect(times).toHaveLength(2 * before.length)
    expect(Math.min(...times.slice(before.length))).toBe(Number(times[before.length - 1]))
    expect(children.map(({ number }) => number)).toEqual([0, 1, 1, 0])
  })

  test.each([false, true])('removes the result of before, which is not this one’s (goes on: %s)', async (goOn) => {
    const result = join(out, 'result.json')
    writeFileSync(result, '{}')
    await run([['finish']], { goOn })
    expect(existsSync(result)).toBe(false)
  })

  test('sees that peers do not hold the same', async () => {
    const { result } = await run([
      ['finish', A],
      ['finish', B]
    ])
    expect(result.agreed).toBe(false)
  })

  test('goes on when a peer dies, and says so', async () => {
    const { result } = await run([['finish'], ['die']])
    expect(result.peers.map(({ status }) => status)).toEqual(['finished', 'died'])
    expect(result.agreed).toBe(true)
    expect(said).toContain('peer 1: was ended by SIGKILL')
  })

  test('ends a peer whose main thread a plug-in keeps, naming that, and none that answers', async () => {
    const interrupt = new AbortController()
    const silence = { plugins: ['strategy ./mine.mjs'], loading: 20_000, training: 3000 }
    const running = run([['wait'], ['block']], { interrupt: interrupt.signal, silence })
    await vi.waitUntil(() => said.includes('peer 1: '), { timeout: 20_000 })
    expect(said).toMatch(
      /peer 1: strategy \.\/mine\.mjs has kept the main thread of its peer for 3 s, so the peer was ended/
    )
    interrupt.abort()
    const { result, errors } = await running
    expect(errors).toMatchObject([{ code: 'timeout', data: { plugin: 'strategy ./mine.mjs' } }])
    expect(result.peers.map(({ status }) => status)).toEqual(['left', 'failed'])
  })

  test('a hostile peer that fails while the run waits for it ends all, with its error', async () => {
    const failing = run([['waiting'], ['waiting'], ['fail']], { hostile: [2] })
    await expect(failing).rejects.toMatchObject({ code: 'missing', message: 'peer 2: data: no file' })
    expect(alive()).toBe(0)
  })

  test('a peer that cannot be started ends those that were', async () => {
    // there is no third behaviour
    await expect(run([['waiting'], ['waiting']], { numbers: [0, 1, 2] })).rejects.toThrow()
    expect(children).toHaveLength(2)
    expect(alive()).toBe(0)
  })

  test('starts hostile peers last, and no failure of theirs is the run’s', async () => {
    const { result, errors, hostileErrors } = await run([['finish'], ['fail'], ['finish']], { hostile: [1] })
    expect(hostileErrors).toMatchObject([{ code: 'missing' }])
    expect(children.map(({ number }) => number)).toEqual([0, 2, 1])
    expect(errors).toEqual([])
    expect(result.peers.map(({ id, status }) => [id, status])).toContainEqual(['third', 'finished'])
    expect(said).toContain('peer 1: data: no file')
  })

  test('names a hostile peer whose attack keeps its main thread to the end, and none that waits', async () => {
    const hostileSilence = { plugins: ['attack mine'], loading: 60_000, training: 60_000 }
    const { errors, hostileErrors } = await run([['finish'], ['block'], ['wait']], {
      hostile: [1, 2],
      grace: 3000,
      hostileSilence
    })
    expect(errors).toEqual([])
    expect(hostileErrors).toMatchObject([{ code: 'timeout', data: { plugin: 'attack mine' } }])
    expect(hostileErrors[0]!.message).toContain('attack mine has kept the main thread of its peer for 3 s')
  })

  test('ends a hostile peer whose attack keeps its main thread while the others go on', async () => {
    const interrupt = new AbortController()
    const hostileSilence = { plugins: ['attack mine'], loading: 20_000, training: 3000 }
    const running = run([['wait'], ['block']], { hostile: [1], interrupt: interrupt.signal, hostileSilence })
    await vi.waitFor(() => expect(said).toContain('attack mine has kept the main thread'), { timeout: 60_000 })
    expect(said).toContain('The others go on.')
    interrupt.abort()
    const { hostileErrors } = await running
    expect(hostileErrors).toMatchObject([{ code: 'timeout' }])
  })

  test('ends hostile peers that wait for others when nobody else is left', async () => {
    const { result } = await run([['finish'], ['wait']], { hostile: [1], grace: 3000 })
    expect(result.peers.map(({ status }) => status)).toEqual(['finished', 'left'])
    expect(alive()).toBe(0)
  })

  test('ends all with the error of a peer that fails at once', async () => {
    const error = await run([['fail'], ['finish']]).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(PeergradError)
    expect(error).toMatchObject({ code: 'missing', message: 'peer 0: data: no file' })
    expect(alive()).toBe(0)
  })

  test('shows the end of the log of a peer that crashes before the first round', async () => {
    const error = await run([['crash'], ['finish']]).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'crashed' })
    expect((error as PeergradError).message).toContain('the end of the log')
  })

  test('starts nobody after a Ctrl+C', async () => {
    const interrupt = AbortSignal.abort(new PeergradError('aborted', 'stopped by SIGINT'))
    await expect(run([['finish']], { interrupt })).rejects.toMatchObject({ code: 'aborted' })
    expect(children).toEqual([])
  })

  test('asks the peers to leave at Ctrl+C, and kills one that does not', async () => {
    const interrupt = new AbortController()
    const running = run([['wait'], ['stubborn']], { interrupt: interrupt.signal, grace: 2000 })
    await vi.waitUntil(() => readRounds() === 4, { timeout: 20_000 })
    interrupt.abort()
    const { result } = await running
    expect(result.peers.map(({ status }) => status)).toEqual(['left', 'died'])
    expect(alive()).toBe(0)
  })
})

test('only what a user wrote is watched for silence', () => {
  const options = {
    strategy: 'spirt:minibatches=2',
    partition: 'iid',
    dataset: 'mnist',
    store: 'memory',
    patience: 300
  }
  const times = { deadline: 30_000, grace: 2000 }
  expect(silenceOf(options, times)).toBeUndefined()
  const own = { ...options, strategy: './mine.mjs:a=1', dataset: 'my-data' }
  expect(silenceOf(own, times)).toEqual({
    plugins: ['strategy ./mine.mjs:a=1', 'dataset my-data'],
    loading: 300_000,
    training: 32_000
  })
})

function readRounds(): number {
  return readFileSync(join(out, 'events.ndjson'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"round"')).length
}
