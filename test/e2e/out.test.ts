import { readdirSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { holdOut } from '../../packages/cli/src/out.js'
import { cli, scratch, SMALL } from '../utils/cli.js'
import { LOOPBACK } from '../utils/peers.js'

// processes that load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const ALONE = [...SMALL, '--peers', '1', '--strategy', 'local', '--rounds', '2']

test.each([
  ['train', ALONE],
  ['peer', [...ALONE, ...LOOPBACK]],
  ['compare', ['--dataset', 'synthetic', '--model', 'mlp', '--strategies', 'local', '--peers', '1', '--rounds', '2']],
  ['attack', ['--dataset', 'synthetic', '--model', 'mlp', '--aggregators', 'mean', '--attacks', 'nan', '--rounds', '2']]
])('%s writes nothing to a directory that another process writes to, and says which', async (command, args) => {
  const out = scratch()
  const held = await holdOut(out, '')
  onTestFinished(() => held.close())
  const ended = await cli(command, ...args, '--out', out)
  expect([ended.code, ended.out], ended.err).toEqual([2, ''])
  expect(ended.err).toContain(`out: process ${process.pid} of this machine writes to ${out}`)
  expect(readdirSync(out)).toEqual([])
})
