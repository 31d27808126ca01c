import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
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

test('train that starts anew where a run is says how to go on with that, and leaves it as it was', async () => {
  const out = scratch()
  const first = await cli('train', ...ALONE, '--out', out)
  expect(first.code, first.err).toBe(0)
  const before = filesIn(out)
  const again = await cli('train', ...ALONE, '--seed', '2', '--out', out)
  expect([again.code, again.out], again.err).toEqual([2, ''])
  expect(again.err).toContain(`out: ${out} holds a run, with a checkpoint after 2 rounds in ${join(out, 'peer-0')}`)
  expect(again.err).toContain(`--resume ${out}`)
  expect(filesIn(out)).toEqual(before)
})

test('peer leaves the events, result and checkpoints of another run as they were; its own it may come back to', async () => {
  const out = scratch()
  const peer = (...more: string[]) => cli('peer', ...ALONE, ...LOOPBACK, '--out', out, ...more)
  const first = await peer()
  expect(first.code, first.err).toBe(0)
  const before = filesIn(out)
  const other = await peer('--seed', '2')
  expect(other.code, other.err).toBe(2)
  expect(other.err).toContain(`out: ${out} has the checkpoints of another run`)
  const { 'peer.log': _log, ...left } = filesIn(out)
  expect({ ...left, 'peer.log': before['peer.log'] }).toEqual(before)
  const same = await peer()
  expect(same.code, same.err).toBe(0)
})

test('peer that ends shows its summary where the disk is too full for the result, and says so', async () => {
  const out = scratch()
  // every write to /dev/full is answered with ENOSPC
  symlinkSync('/dev/full', join(out, 'result.json.unfinished'))
  const ended = await cli('peer', ...ALONE, ...LOOPBACK, '--out', out)
  expect(ended.code, ended.err).toBe(5)
  expect(ended.err).toContain(`${join(out, 'result.json')}: the disk is full`)
  expect(ended.out).toContain('one peer finished, with parameters: ')
  expect(ended.out).not.toContain('result, events and logs in')
})

function filesIn(out: string): Record<string, string> {
  const names = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = names.map(({ parentPath, name }) => join(parentPath, name))
  return Object.fromEntries(paths.map((path) => [path.slice(out.length + 1), readFileSync(path, 'base64')]))
}
