import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { cli, PROGRAM } from '../utils/cli.js'

const STRATEGIES = 'spirt mlless scatter-reduce all-reduce all-gather ring diloco gossip local'.split(' ')

describe('--json prints one document on standard output and nothing else', () => {
  test.each([
    ['strategies', { strategies: STRATEGIES.map((name) => ({ name })) }],
    [
      'engines',
      [{ name: 'tensorflow-gpu' }, { name: 'tensorflow' }, { name: 'webgpu' }, { name: 'wasm', available: true }, {}]
    ],
    ['data', { datasets: [{ name: 'mnist' }, {}, {}, {}, {}], partitions: [{ name: 'iid' }, {}, {}, {}] }]
  ])('%s', async (command, document) => {
    const { code, out, err } = await cli(command, '--json')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(JSON.parse(out)).toMatchObject(document)
    const page = await cli(command)
    for (const name of out.match(/(?<="name": ")[^"]+/g) ?? []) expect(page.out).toContain(name)
  })

  test('data NAME: every sample is one peer’s', async () => {
    const { out } = await cli('data', 'synthetic:train=100', '--partition', 'shards', '--peers', '3', '--json')
    const { train, shards } = JSON.parse(out) as { train: number; shards: { samples: number; labels: number[] }[] }
    expect(train).toBe(100)
    expect(shards.reduce((sum, { samples }) => sum + samples, 0)).toBe(100)
    expect(shards.map(({ labels }) => labels.reduce((sum, count) => sum + count, 0))).toEqual(
      shards.map(({ samples }) => samples)
    )
  })

  test('a document that is longer than a pipe holds is whole', () => {
    const vectors = [1, 2, 3].map((value) => Array<number>(50_000).fill(value))
    const input = JSON.stringify({ rule: 'Median', vectors })
    const command = `"${process.execPath}" "${PROGRAM}" aggregate --json | cat`
    const { stdout } = spawnSync('sh', ['-c', command], { input, encoding: 'utf8', maxBuffer: 2 ** 24 })
    expect(JSON.parse(stdout)).toEqual({ output: Array(50_000).fill(2) })
  })

  test('bench: the benches there are', async () => {
    expect(JSON.parse((await cli('bench', '--json')).out)).toContain('engine')
  })
})
