import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AggregatorFactory } from '@peergrad/core'
import { expect, test, vi } from 'vitest'
import { aggregatorCompliance } from '../compliance/aggregator.js'
import { Cli, scratch, SMALL } from '../utils/cli.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const ROOT = join(import.meta.dirname, '..', '..')

/** How each example is run: the flag that takes it, and the number of peers. */
const RUNS: Record<string, { flag: string; peers: number }> = {
  'leader-less.mjs': { flag: 'strategy', peers: 2 },
  'norm-bound': { flag: 'aggregator', peers: 2 },
  'trimmed.mjs': { flag: 'aggregator', peers: 3 },
  'two-mergers': { flag: 'strategy', peers: 3 }
}

test('each example is run', () => {
  expect(readdirSync(join(ROOT, 'examples')).sort()).toEqual(Object.keys(RUNS).sort())
})

test.each(Object.entries(RUNS))('%s, by its path, in real processes', async (file, { flag, peers }) => {
  const module = `./examples/${file}`
  const run = ['train', ...SMALL, '--rounds', '3', '--peers', String(peers), `--${flag}`, module]
  const { code, out, err } = await new Cli([...run, '--out', scratch(), '--json'], { cwd: ROOT }).finished
  expect(code, err).toBe(0)
  const result = JSON.parse(out) as { peers: { status: string; parametersHash: string }[] }
  expect(result).toMatchObject({ [flag]: module, rounds: 3, agreed: true })
  expect(result.peers.map(({ status }) => status)).toEqual(Array(peers).fill('finished'))
  expect(new Set(result.peers.map(({ parametersHash }) => parametersHash)).size).toBe(1)
})

const PACKAGES = Object.keys(RUNS).filter((name) => existsSync(join(ROOT, 'examples', name, 'package.json')))

test.each(PACKAGES)('%s, a package outside the workspace, passes its own test', (name) => {
  const cwd = join(ROOT, 'examples', name)
  const { status, stdout, stderr } = spawnSync('npm', ['test'], { cwd, encoding: 'utf8' })
  expect(status, `${stdout}${stderr}`).toBe(0)
  expect(stdout).toMatch(/^# pass 1$/m)
})

const trimmed = (await import(pathToFileURL(join(ROOT, 'examples', 'trimmed.mjs')).href)) as {
  default: AggregatorFactory
}
aggregatorCompliance('trimmed', () => trimmed.default({}), {
  exact: false,
  tolerates: (n) => (n >= 3 ? 1 : 0),
  largest: 1e38,
  counts: { min: 3, max: 9 }
})
