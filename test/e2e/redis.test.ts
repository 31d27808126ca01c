import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MODULE } from '@peergrad/store'
import { expect, test, vi } from 'vitest'
import { cli, processesWith, scratch } from '../utils/cli.js'

// four processes, twice, that each load libp2p and tfjs, and a database for each
vi.setConfig({ testTimeout: 240_000 })

interface Result {
  readonly [key: string]: unknown
  readonly peers: readonly {
    readonly id: string
    readonly parametersHash: string
    readonly secondsByPhase: Record<string, number>
  }[]
}

const absent =
  spawnSync('redis-server', ['--version']).error !== undefined
    ? ': there is no redis-server here'
    : existsSync(MODULE)
      ? ''
      : ': the module is not built'

test.skipIf(absent !== '')(
  `four peers, each with its own Redis that filters too, end with the hash that they have in memory${absent}`,
  async () => {
    const train = async (store: string) => {
      const words = [
        '--peers',
        '4',
        '--strategy',
        'spirt',
        '--store',
        store,
        '--in-database',
        '--filter',
        'significant:v=0.001'
      ]
      const size = ['--rounds', '3', '--minibatches', '2', '--batch', '16', '--evaluate-every', '0']
      const finished = await cli('train', ...words, ...size, '--json', '--out', join(scratch(), store))
      expect({ code: finished.code, err: finished.code === 0 ? '' : finished.err }).toEqual({ code: 0, err: '' })
      return JSON.parse(finished.out) as Result
    }
    const [redis, memory] = [await train('redis'), await train('memory')]
    const hashes = [redis, memory].flatMap(({ peers }) => peers.map(({ parametersHash }) => parametersHash))
    expect(hashes).toHaveLength(8)
    expect(new Set(hashes).size).toBe(1)
    expect(redis).toMatchObject({
      store: 'redis',
      denseInStore: true,
      contributions: memory['contributions'],
      phasePlaces: { compute: 'engine', average: 'database', aggregate: 'database', update: 'database' }
    })
    const { bytes, whole, saved } = redis['contributions'] as { bytes: number; whole: number; saved: number }
    expect(bytes).toBeLessThan(whole)
    expect(saved).toBeCloseTo(1 - bytes / whole, 9)
    for (const phase of ['compute', 'average', 'fetch', 'aggregate', 'update'])
      expect(redis.peers[0]!.secondsByPhase[phase]).toBeGreaterThan(0)
    for (const { id } of redis.peers) expect(processesWith(`redis-${id.slice(-16)}/`)).toEqual([])
  }
)
