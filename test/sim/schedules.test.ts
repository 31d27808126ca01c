import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { matrixStrategies } from './matrix.js'
import { complaint, report } from './report.js'
import { inWords, type Fault } from './scenario.js'
import { schedule } from './schedule.js'

const strategies = await matrixStrategies()

/** What there is of faults, as far as a test each time must have it. */
const KINDS = ['kill', 'kill and return', 'stop', 'crash of the store', 'crash of the engine', 'partition', 'one-way']
const LINKS = ['delay', 'jitter', 'loss', 'bandwidth', 'duplicates', 'reorder']
const OTHERS = ['skew', 'disk']

function kindOf(fault: Fault): string {
  if (fault.kind === 'links') return Object.keys(fault.conditions).join()
  if (fault.kind === 'crash') return `crash of the ${fault.part}`
  return fault.kind === 'kill' && fault.back !== undefined ? 'kill and return' : fault.kind
}

/** The first that bring a strategy or a kind of fault that none before them had; a thousand others are run by `pnpm test:faults`. */
const SEEDS = firstOf(Array.from({ length: 300 }, (_, seed) => seed))

function firstOf(seeds: readonly number[]): number[] {
  const seen = new Set<string>()
  return seeds.filter((seed) => {
    const { strategy, faults } = schedule(seed, strategies)
    const before = seen.size
    for (const each of [strategy, ...faults.map(kindOf)]) seen.add(each)
    return seen.size > before
  })
}

describe('random faults', () => {
  it.each(SEEDS)('seed %i', async (seed) => {
    expect(complaint(await report(schedule(seed, strategies)), `pnpm test:faults --seed ${seed}`)).toBe('')
  })

  it('of every kind, and every strategy, are among those', () => {
    const played = SEEDS.map((seed) => schedule(seed, strategies))
    const kinds = new Set(played.flatMap(({ faults }) => faults.map(kindOf)))
    expect([...KINDS, ...LINKS, ...OTHERS].filter((kind) => !kinds.has(kind))).toEqual([])
    expect(new Set(played.map(({ strategy }) => strategy))).toEqual(new Set(strategies))
  })

  it('are shown again by their seed, from the first event to the last', { timeout: 60_000 }, async () => {
    const script = join(import.meta.dirname, '../../scripts/faults.mjs')
    const { stdout } = await promisify(execFile)(process.execPath, [script, '--seed', '7'])
    const scenario = schedule(7, strategies)
    expect(stdout.trimEnd().split('\n')).toEqual([inWords(scenario), ...(await report(scenario)).timeline])
  })

  it.each([
    [['--strategy', 'sprit'], '--strategy: got sprit, expected one of'],
    [['--strategy', 'spirt', '--case', '99999'], 'expected one below']
  ])('%j are refused at once', { timeout: 60_000 }, async (args, message) => {
    const script = join(import.meta.dirname, '../../scripts/faults.mjs')
    const run = promisify(execFile)(process.execPath, [script, ...args], { timeout: 50_000 })
    await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(message) as string })
  })

  it('are the same for the same seed, to the last event', async () => {
    const [first, again, other] = [7, 7, 8].map((seed) => schedule(seed, strategies))
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
    expect((await report(again)).timeline).toEqual((await report(first)).timeline)
  })
})
