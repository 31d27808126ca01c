import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { cli, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

interface Row {
  readonly strategy: string
  readonly status: string
  readonly samples: number
  readonly rounds: number
  readonly seconds: number
  readonly traffic: { readonly tensorDeviation: number; readonly formula: { readonly sent: number } }
  readonly [key: string]: unknown
}

test('two strategies over real peers, then the same command again: one document, and no run twice', async () => {
  const out = join(scratch(), 'compared')
  const args = ['compare', '--strategies', 'spirt:minibatches=2,all-reduce:minibatches=1', ...SMALL, '--peers', '2']
  const compare = async () => {
    const finished = await cli(...args, '--rounds', '2', '--target-accuracy', '0.01', '--json', '--out', out)
    expect({ ...finished, out: '', err: finished.code === 0 ? '' : finished.err }).toMatchObject({ code: 0, err: '' })
    return { ...finished, rows: (JSON.parse(finished.out) as { strategies: Row[] }).strategies }
  }
  const { rows } = await compare()
  expect(rows).toMatchObject([
    { strategy: 'spirt:minibatches=2', status: 'finished', rounds: 4, steps: 4, engine: 'wasm' },
    { strategy: 'all-reduce:minibatches=1', status: 'finished', rounds: 8, steps: 8 }
  ])
  for (const row of rows) {
    expect(row.samples).toBe(2 * 2 * 4 * 32)
    expect(row.traffic.formula.sent).toBeGreaterThan(0)
    expect(Math.abs(row.traffic.tensorDeviation)).toBeLessThan(0.03)
    expect(row).toMatchObject({ target: { seconds: expect.any(Number) }, cost: { dollars: expect.any(Number) } })
    expect(row['peakMemoryBytes']).toBeGreaterThan(50e6)
  }
  for (const name of ['compare.md', 'compare.csv', 'compare.html', 'spirt-minibatches-2/result.json'])
    expect(existsSync(join(out, name))).toBe(true)
  const again = await compare()
  expect(again.rows).toEqual(rows)
  expect(again.err).not.toContain('peers train')
  expect(readFileSync(join(out, 'compare.csv'), 'utf8').split('\r\n')).toHaveLength(4)
})
