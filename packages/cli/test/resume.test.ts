import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena, optionsToManifest, PeergradError, resolveOptions, type CheckpointPosition } from '@peergrad/core'
import { writeCheckpoint } from '@peergrad/peer'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { peerOptions } from '../src/peer/options.js'
import { runFileText } from '../src/run-file-text.js'
import { resumeRun } from '../src/train/resume.js'

let out: string
let said: string
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'peergrad-resume-'))
  said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(out, { recursive: true, force: true })
})

const RUN = { peers: '3', model: 'mlp', dataset: 'synthetic', seed: '7', optimizer: 'sgd', lr: '0.25' }
const optionsOf = (flags: Record<string, unknown> = {}) => resolveOptions({ flags: { ...RUN, ...flags } }).options

/** A directory as `train` leaves it, with checkpoints of these rounds for each peer. */
async function written(rounds: readonly (readonly number[])[], position: Partial<CheckpointPosition> = {}) {
  writeFileSync(join(out, 'run.yaml'), runFileText(optionsOf(), out))
  for (const [number, own] of rounds.entries()) {
    const directory = join(out, `peer-${number}`)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'identity.key'), `key ${number}`)
    for (const round of own) await save(file(number, round), { round, ...position })
  }
}

const file = (number: number, round: number) =>
  join(out, `peer-${number}`, 'checkpoints', `round-${String(round).padStart(6, '0')}.safetensors`)

async function save(path: string, position: Partial<CheckpointPosition>): Promise<void> {
  const vector = Arena.create({ bytes: 1 << 12 }).allocate(4)
  await writeCheckpoint(path, {
    layout: { slots: [{ name: 'w', shape: [4], offset: 0, length: 4 }], parameters: 4, buffers: 0 },
    position: {
      run: 'f'.repeat(64),
      manifest: optionsToManifest(optionsOf()),
      round: 1,
      hash: 'e'.repeat(64),
      step: 1,
      data: { epoch: 0, start: 0, changes: [{ round: 0, members: ['a'] }] },
      view: { number: 0, members: ['a'] },
      accuracy: 0,
      finished: false,
      lineage: { founder: 'a', founded: 0 },
      ...position
    },
    vectors: [{ name: 'model', vector, digest: '374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb' }]
  })
}

async function refusal(work: Promise<unknown>): Promise<PeergradError> {
  const thrown: unknown = await work.catch((error: unknown) => error)
  if (thrown instanceof PeergradError) return thrown
  throw new Error('nothing was refused')
}

describe('train --resume', () => {
  test('takes the options of the run, and the newest checkpoint of each peer, the newest of all first', async () => {
    await written([[5, 10], [5, 15], []])
    const { options, checkpoints } = await resumeRun(out, { resume: out, engine: 'cpu', memory: '64' })
    expect(options).toMatchObject({ peers: 3, model: 'mlp', seed: 7, lr: 0.25, engine: 'cpu', memory: 64, out })
    expect([...checkpoints]).toEqual([
      [1, file(1, 15)],
      [0, file(0, 10)]
    ])
    expect(said).toContain(`${join(out, 'peer-2')}: there is no checkpoint in it`)
    expect(said).toContain('it takes the state of the run from the others')
  })

  test('goes past a torn checkpoint to the one before, and says so', async () => {
    await written([[5, 10], [5]])
    truncateSync(file(0, 10), 100)
    const { checkpoints } = await resumeRun(out, {})
    expect([...checkpoints]).toEqual([
      [0, file(0, 5)],
      [1, file(1, 5)]
    ])
    expect(said).toMatch(new RegExp(`checkpoint ${file(0, 10)}: .*; it goes on from ${file(0, 5)}`))
  })

  test('starts no peer anew whose checkpoints are all torn', async () => {
    await written([[5], [5]])
    truncateSync(file(0, 5), 100)
    expect([...(await resumeRun(out, {})).checkpoints.keys()]).toEqual([1])
    expect(said).toContain(`checkpoint ${join(out, 'peer-0')}: no checkpoint there is good`)
    truncateSync(file(1, 5), 100)
    expect((await refusal(resumeRun(out, {}))).code).toBe('corrupt')
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['lr', { lr: '0.5' }, 'lr: got 0.5, but the run in'],
    ['momentum', { optimizer: 'momentum', momentum: '0.5' }, 'optimizer: got "momentum", but the run in'],
    ['rounds', { rounds: '9' }, 'rounds: got 9, but the run in']
  ])('refuses another %s: it would be another run', async (_word, flags, message) => {
    await written([[5]])
    const error = await refusal(resumeRun(out, flags))
    expect([error.code, error.message]).toEqual(['argument', expect.stringContaining(message)])
  })

  test('takes a flag that says what the run says', async () => {
    await written([[5]])
    await expect(resumeRun(out, { lr: '0.25', 'min-peers': '0', out })).resolves.toMatchObject({
      options: { lr: 0.25 }
    })
  })

  test('goes past checkpoints of another run', async () => {
    const manifest = optionsToManifest(optionsOf({ seed: 8 }))
    await written([[5]])
    await save(file(0, 9), { round: 9, manifest })
    expect([...(await resumeRun(out, {})).checkpoints]).toEqual([[0, file(0, 5)]])
    expect(said).toContain(`checkpoint ${file(0, 9)}: is of another run: seed is 8 there, and 7 here`)
    await save(file(0, 5), { round: 5, manifest })
    const error = await refusal(resumeRun(out, {}))
    expect([error.code, error.message]).toEqual(['corrupt', expect.stringContaining('is of another run: seed')])
  })

  test.each<[string, () => Promise<unknown>, string, string]>([
    ['a directory of no run', async () => {}, 'missing', 'there is no run.yaml in it'],
    ['a run without checkpoints', () => written([[], []]), 'missing', 'no peer of the run wrote a checkpoint'],
    ['a run that is over', () => written([[5]], { finished: true }), 'argument', 'that run is over, after 5 rounds']
  ])('refuses %s', async (_what, prepare, code, message) => {
    await prepare()
    const error = await refusal(resumeRun(out, {}))
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(message)])
  })

  test('goes on in its own directory only', async () => {
    await written([[5]])
    const error = await refusal(resumeRun(out, { out: join(out, 'other') }))
    expect([error.code, error.message]).toEqual(['argument', expect.stringContaining('out: got')])
  })
})

describe('peer --resume', () => {
  test('is the same peer of the same run, in its own directory', async () => {
    await written([[5, 10]])
    const directory = join(out, 'peer-0')
    expect(await peerOptions({ resume: directory })).toMatchObject({
      options: { peers: 3, model: 'mlp', lr: 0.25, out: directory, identity: join(directory, 'identity.key') },
      describesRun: true,
      resume: file(0, 10)
    })
  })

  test('joins others with what it knows of the run, which they check', async () => {
    await written([[5]])
    const resumed = await peerOptions({ resume: join(out, 'peer-0'), join: ['/ip4/127.0.0.1/tcp/1'] })
    expect(resumed).toMatchObject({ describesRun: true, options: { seed: 7 } })
  })

  test('goes where it is told to', async () => {
    await written([[5]])
    const flags = { resume: file(0, 5), out: 'elsewhere', identity: 'my.key' }
    expect((await peerOptions(flags)).options).toMatchObject({ out: 'elsewhere', identity: 'my.key' })
    const alone = join(out, 'alone.safetensors')
    await save(alone, {})
    const { options, resume } = await peerOptions({ resume: alone })
    expect([options.out, options.identity, resume]).toEqual([undefined, undefined, alone])
  })

  test('takes it from a run file too, which must be of the same run', async () => {
    await written([[5]])
    const path = join(out, 'mine.yaml')
    writeFileSync(path, `${runFileText(optionsOf({ seed: 9 }), out)}resume: ${file(0, 5)}\n`)
    expect((await refusal(peerOptions({}, path))).message).toContain('seed: got 9, but the run in')
    writeFileSync(path, `${runFileText(optionsOf(), out)}resume: ${file(0, 5)}\n`)
    expect((await peerOptions({}, path)).resume).toBe(file(0, 5))
  })

  test('of a torn file names the one to take instead', async () => {
    await written([[5, 10]])
    truncateSync(file(0, 10), 100)
    const error = await refusal(peerOptions({ resume: file(0, 10) }))
    expect([error.code, error.message]).toEqual(['corrupt', expect.stringContaining(`take ${file(0, 5)} instead`)])
  })

  test('of another run is refused with the option that differs', async () => {
    await written([[5]])
    const error = await refusal(peerOptions({ resume: join(out, 'peer-0'), lr: '0.5' }))
    expect([error.code, error.message]).toEqual(['argument', expect.stringContaining('lr: got 0.5, but the run in')])
  })

  test('twice is one too many', async () => {
    expect((await refusal(peerOptions({ resume: ['a', 'b'] }))).message).toContain('resume: got 2 values, expected one')
  })
})
