import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { cli, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

interface Report {
  readonly mode: string
  readonly cells: readonly {
    readonly status: string
    readonly parametersHash: string
    readonly rounds: number
    readonly last: number
    readonly standing: { readonly held: boolean }
  }[]
}

test('a cell over real peers ends with the same parameters as simulated, and is not run twice', async () => {
  const out = join(scratch(), 'real')
  // two that collude, and search for what the rule bears least
  const words = ['--aggregators', 'trimmed-mean', '--attacks', 'optimal-alie', '--byzantine', '2', '--peers', '5']
  const args = ['attack', ...words, ...SMALL, '--rounds', '6', '--optimizer', 'sgd', '--lr', '0.1']
  // a busy machine must not lose a contribution of the real run: that would be another run
  const patient = ['--deadline', '300', '--grace', '60', '--on-failure', 'wait', '--json']
  const attack = async (...more: readonly string[]) => {
    const finished = await cli(...args, ...patient, ...more)
    expect({ ...finished, out: '', err: finished.code === 0 ? '' : finished.err }).toMatchObject({ code: 0, err: '' })
    return { report: JSON.parse(finished.out) as Report, err: finished.err }
  }
  const real = await attack('--out', out)
  const simulated = await attack('--simulate', '--out', join(scratch(), 'simulated'))
  expect([real.report.mode, simulated.report.mode]).toEqual(['processes', 'simulation'])
  expect(real.report.cells).toMatchObject([{ status: 'finished', rounds: 6, standing: { held: true } }])
  expect(simulated.report.cells[0]!.parametersHash).toBe(real.report.cells[0]!.parametersHash)
  expect(simulated.report.cells[0]!.last).toBe(real.report.cells[0]!.last)
  for (const name of ['attack.md', 'attack.csv', 'attack.html']) expect(existsSync(join(out, name))).toBe(true)
  const again = await attack('--out', out)
  expect(again.report.cells).toEqual(real.report.cells)
  expect(again.err).toContain('1 of 1 cells are there already')
  expect(readFileSync(join(out, 'attack.csv'), 'utf8').split('\r\n')).toHaveLength(3)
})

test('a rule of your own goes through the quick grid, which prints up to which f it holds and where it breaks', async () => {
  const folder = scratch()
  const rule = join(folder, 'without-extremes.mjs')
  const check = "(n) => (n > 2 ? undefined : 'expected 3 at least')"
  const aggregate = '({ vectors, out, kernels }) => kernels.trimmedMean(out, vectors, 1)'
  const facts = "name: 'without-extremes', describe: 'mean without the lowest and the highest'"
  writeFileSync(rule, `export default () => ({ ${facts}, check: ${check}, aggregate: ${aggregate} })\n`)
  const words = ['--aggregators', rule, '--attacks', 'none,sign-flip:factor=10', '--byzantine', '1,2']
  const { code, out, err } = await cli('attack', '--quick', ...words, '--out', join(folder, 'out'))
  expect(code, err).toBe(0)
  expect(out).toMatch(/without-extremes\.mjs +sign-flip:factor=10 +\d+\.\d\d % +1 +f = 2, \d/)
})
