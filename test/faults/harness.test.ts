import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunEvent } from '@peergrad/core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Laws } from './laws.js'
import { recoveryOf } from './measures.js'
import { PROGRAMS, type PeerProcess } from './process.js'
import { report, type SoakReport } from './soak-report.js'
import { HELD, trend, type Survivor } from './samples.js'
import { RealSwarm, type RealSwarmInit } from './swarm.js'

// several processes that each load libp2p: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 150_000 })

describe('the laws', () => {
  const see = (...events: object[]) => {
    const laws = new Laws()
    for (const event of events) laws.see(event as RunEvent)
    return laws.broken
  }
  const round = (peer: string, round: number, parametersHash: string) => ({
    type: 'round',
    peer,
    round,
    parametersHash
  })
  const view = (peer: string, number: number, ...members: string[]) => ({ type: 'view', peer, number, members })

  it('hold while all have one hash in each round and one list of members in each view', () => {
    expect(
      see(round('a', 1, 'x'), round('a', 2, 'y'), round('b', 1, 'x'), view('a', 1, 'b'), view('b', 1, 'b'))
    ).toEqual([])
  })

  it('are broken by another hash, another view, and a peer that has to heal', () => {
    expect(see(round('a', 1, 'x'), round('b', 1, 'y'))).toEqual(['round 1: b has hash y, a has x'])
    expect(see(view('a', 1, 'a', 'b'), view('b', 1, 'b', 'a'))).toHaveLength(1)
    expect(see({ type: 'diverged', peer: 'a', round: 3 })).toHaveLength(1)
  })
})

describe('what is measured', () => {
  const life = (...events: [wall: number, event: object][]) =>
    ({ events: events.map(([wall, event]) => ({ wall, event })) }) as unknown as PeerProcess
  const suspected = { type: 'suspected', other: 'v' }
  const view = { type: 'view', number: 3, members: ['a', 'b'] }
  const round = (view: number) => ({ type: 'round', view })

  it('runs from the fault over the first suspicion and the last view to the last round', () => {
    const a = life([900, suspected], [1400, suspected], [1700, view], [1800, round(3)])
    const b = life([1500, suspected], [1900, view], [1900, round(2)], [2100, round(3)])
    expect(recoveryOf('v', 1000, [a, b])).toEqual({ detect: 0.4, agree: 0.5, recover: 0.2 })
  })

  it('is over only when every survivor has its view', () => {
    expect(recoveryOf('v', 1000, [life([1400, suspected])]).agree).toBe(Infinity)
  })
})

describe('the verdict of a soak', () => {
  const points = (slope: number) => Array.from({ length: 300 }, (_, i) => [i / 10, 200e6 + slope * (i / 10)] as const)
  const survivor = (slope: number): Survivor => {
    const flat = trend(points(0))
    const trends = Object.fromEntries(HELD.map((held) => [held, flat])) as Survivor['trends']
    return { name: 'peer 1', samples: 300, trends: { ...trends, resident: trend(points(slope)) } }
  }
  const soak: SoakReport = {
    command: 'pnpm test:soak',
    minutes: 30,
    loads: [4],
    rounds: 1,
    kills: 1,
    stops: 1,
    returns: 2,
    recoveries: [{ detect: 1, agree: 0.1, recover: 0.1 }],
    rejoins: [1],
    suspicions: [],
    survivors: [survivor(0.2e6)],
    broken: undefined
  }

  it('knows how well a line is told by what lies around it', () => {
    const noisy = (slope: number) =>
      trend(Array.from({ length: 72 }, (_, i) => [i / 4, 45 + (slope * i) / 4 + 3 * (-1) ** i] as const))
    expect(noisy(0.08).error).toBeCloseTo(3 / Math.sqrt(72) / Math.sqrt((18 * 18) / 12), 2)
    const of = (each: ReturnType<typeof noisy>) => {
      const [one] = soak.survivors
      return report({ ...soak, survivors: [{ ...one!, trends: { ...one!.trends, descriptors: each } }] })
    }
    expect(of(noisy(0.08))).not.toContain('BROKEN')
    expect(of(noisy(0.4))).toContain('it grows: descriptors of peer 1')
  })

  it('is good for what is flat', () => {
    expect(report(soak)).not.toContain('BROKEN')
  })

  it('is not for what grows, for a false suspicion, or for a broken law', () => {
    expect(report({ ...soak, survivors: [survivor(1e6)] })).toContain('BROKEN: it grows: resident of peer 1')
    const suspicions = [{ sentence: '1 min: peer 1 suspects peer 2', dazed: true }]
    expect(report({ ...soak, suspicions })).toContain('BROKEN: 1 false suspicions')
    expect(report({ ...soak, broken: 'a hang' })).toContain('BROKEN: a hang')
  })
})

describe('processes', () => {
  async function start(init: RealSwarmInit): Promise<RealSwarm> {
    const swarm = await RealSwarm.start(init)
    onTestFinished(() => swarm.close())
    return swarm
  }

  it('train a real model with the real engine too', async () => {
    const run = { model: 'mlp', dataset: 'synthetic' }
    const swarm = await start({ strategy: 'spirt', peers: 2, run, settings: { engine: 'wasm' } })
    await swarm.finish()
  })

  it('that end by themselves break a law', async () => {
    const swarm = await start({ strategy: 'spirt', peers: 2 })
    process.kill(swarm.peer(1).pid, 'SIGTERM')
    await expect(swarm.progress(1000)).rejects.toThrow('peer 1 ended by itself: SIGTERM')
  })

  it('that stand still are a hang, with where each of them is', async () => {
    const swarm = await start({ strategy: 'spirt', peers: 2 })
    swarm.hang = 1000
    swarm.stop(swarm.peer(1))
    await expect(swarm.progress(1000)).rejects.toThrow(/a hang: .*[^]*peer 1 \(stopped.*view 0 \[peer 0 peer 1\]/)
  })

  it('are gone when the one who started them is killed, also those that are stopped', async () => {
    const runner = fork(join(PROGRAMS, 'abandoned.js'))
    const [pids] = (await once(runner, 'message')) as [number[]]
    expect(pids.filter(there)).toEqual(pids)
    runner.kill('SIGKILL')
    await expect.poll(() => pids.filter(there), { timeout: 10_000 }).toEqual([])
  })
})

/** Linux: a process that nobody has taken note of ending is a zombie. */
function there(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
