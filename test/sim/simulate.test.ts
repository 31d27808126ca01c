import { resolveOptions } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'
import { describe, expect, it } from 'vitest'
import { checkComponents } from '../../packages/cli/src/compose.js'
import { readLinkPlan } from '../../packages/cli/src/simulate/links.js'
import { measureRun } from '../../packages/cli/src/simulate/run.js'
import { simulatedManifest } from '../../packages/cli/src/simulate/simulate.js'

const FLOATS = 1000
const COMPUTE = 50

interface Case {
  readonly strategy: string
  readonly peers: number
  readonly rounds?: number
  readonly latency?: number
  /** Mbit/s */
  readonly bandwidth?: number
  readonly codec?: string
  readonly filter?: string
  /** of a file */
  readonly links?: object
  readonly floats?: number
}

async function measured({ strategy, peers, rounds = 2, latency = 10, bandwidth = 100, links = {}, ...rest }: Case) {
  const { floats = FLOATS, ...given } = rest
  const { options } = resolveOptions({ flags: { strategy, peers: String(peers), ...given } })
  const manifest = simulatedManifest(options, rounds)
  const parts = await checkComponents(manifest, options)
  const plan = readLinkPlan(links, { latency, bandwidth })
  return measureRun({ manifest, parts, links: plan, floats, compute: COMPUTE })
}

/** Names of all strategies that exchange something. */
const exchanging = [...strategies.entries.keys()].filter((name) => name !== 'local')

describe('a simulated run', () => {
  it('of scatter-reduce reads of an index in pages the bytes of its formula', async () => {
    const { deviation, peers } = await measured({ strategy: 'scatter-reduce', peers: 66, rounds: 1 })
    expect([peers, deviation]).toEqual([66, 0])
  })

  it.each(exchanging)('of %s sends the bytes of its formula', async (strategy) => {
    for (const peers of [4, 8]) {
      const { deviation, formula } = await measured({ strategy, peers, filter: 'none' })
      expect(formula.median).toBeGreaterThan(0)
      expect(deviation).toBeLessThan(0.03)
    }
  })

  it.each(['ring', 'scatter-reduce'])('of %s goes on where there are more peers than floats', async (strategy) => {
    const { deviation, seconds } = await measured({ strategy, peers: 9, floats: 7 })
    expect(deviation).toBe(0)
    // no deadline passes
    expect(seconds).toBeLessThan(2)
  })

  it('has room for the gradients of many minibatches', async () => {
    const { rounds } = await measured({ strategy: 'spirt:minibatches=300', peers: 2, rounds: 1 })
    expect(rounds).toBe(1)
  })

  it('of a strategy that waits for ever ends with its name', async () => {
    const strategy = `${import.meta.dirname}/../compliance/fixtures/strategies.mjs#waits`
    const named = /strategy waits: .* waits to receive "mine" from peer0+,/
    await expect(measured({ strategy, peers: 3 })).rejects.toThrow(named)
  })

  it('goes on with fewer peers when the strategy lets some go', async () => {
    const strategy = 'mlless:scale-in=true,interval=0.1,horizon=1,tolerance=10'
    const run = { peers: 3, rounds: 120, filter: 'none' }
    const [fewer, all] = [await measured({ strategy, ...run }), await measured({ strategy: 'mlless', ...run })]
    expect(fewer.bytes.median).toBeLessThan(all.bytes.median)
    expect(fewer.formula).toEqual(all.formula)
  })

  it('comes out the same twice, to the bit', async () => {
    const one = await measured({ strategy: 'spirt', peers: 20 })
    expect(await measured({ strategy: 'spirt', peers: 20 })).toEqual(one)
    expect(await measured({ strategy: 'spirt', peers: 20, latency: 11 })).not.toEqual(one)
  })

  it('takes as long as its messages and bytes take', async () => {
    const bytes = FLOATS * 4
    for (const [latency, bandwidth] of [
      [10, 100],
      [10, 1],
      [35, 1],
      [0, 0.1]
    ]) {
      const { seconds } = await measured({ strategy: 'spirt', peers: 2, rounds: 1, latency, bandwidth })
      // manifest, proposal, request, bytes and their end, accept: one after the other
      const expected = COMPUTE + 5 * latency + (bytes * 8) / (bandwidth * 1000)
      expect(seconds * 1000).toBeCloseTo(expected, 6)
    }
  })

  it('takes as long as the bytes of its narrowest link take', async () => {
    const [one, half] = await Promise.all(
      [1, 0.5].map((bandwidth) =>
        measured({ strategy: 'spirt', peers: 3, rounds: 1, links: { links: [{ between: [0, 1], bandwidth }] } })
      )
    )
    expect((half.seconds - one.seconds) * 1000).toBeCloseTo((FLOATS * 32) / 1000, 6)
  })

  it('sends fewer bytes with a codec, as the formula says', async () => {
    const [whole, half] = await Promise.all(
      ['f32', 'f16'].map((codec) => measured({ strategy: 'all-reduce', peers: 5, codec }))
    )
    expect(half.deviation).toBe(0)
    // but for its 4 buffers
    expect(half.bytes.worst).toBe((whole.bytes.worst * (2 * FLOATS + 8)) / (4 * FLOATS))
  })
})
