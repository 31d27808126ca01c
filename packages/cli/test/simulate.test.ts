import { PeergradError } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { bandwidthOf, latencyOf, narrowLinks, readLinkPlan } from '../src/simulate/links.js'
import { spread, type Measurement } from '../src/simulate/measurement.js'
import { csvTable, markdownTable, terminalTable } from '../src/simulate/table.js'

const SAME = { latency: 10, bandwidth: 100 }

describe('links of a simulation', () => {
  it('are all alike unless a file says otherwise', () => {
    const plan = readLinkPlan({}, SAME)
    expect(latencyOf(plan, 0, 7)).toBe(10)
    expect(bandwidthOf(plan, 7)).toEqual({ up: 12.5e6, down: 12.5e6 })
  })

  it('differ where the file names peers or pairs of peers, the last entry first', () => {
    const plan = readLinkPlan(
      {
        latency: 5,
        bandwidth: { up: 8, down: 16 },
        peers: [
          { ranks: '0-3', bandwidth: 80 },
          { ranks: 3, bandwidth: { up: 800, down: 8 } }
        ],
        links: [
          { between: ['0-3', '4-7'], latency: 100 },
          { between: [0, 4], latency: 1 }
        ]
      },
      SAME
    )
    expect([0, 3, 4].map((rank) => bandwidthOf(plan, rank))).toEqual([
      { up: 1e7, down: 1e7 },
      { up: 1e8, down: 1e6 },
      { up: 1e6, down: 2e6 }
    ])
    const pairs = [
      [0, 1],
      [0, 4],
      [4, 0],
      [5, 0],
      [4, 5],
      [0, 8]
    ] as const
    expect(pairs.map(([a, b]) => latencyOf(plan, a, b))).toEqual([5, 1, 1, 100, 5, 5])
  })

  it('have a bandwidth of their own where the file says one, beside the latency that another entry says', () => {
    const plan = readLinkPlan(
      {
        links: [
          { between: ['0-1', '2-3'], bandwidth: 8 },
          { between: [0, 2], latency: 1 },
          { between: [1, 3], bandwidth: 80 }
        ]
      },
      SAME
    )
    expect(latencyOf(plan, 2, 0)).toBe(1)
    expect(latencyOf(plan, 0, 3)).toBe(10)
    const ways = [
      [0, 2],
      [3, 0],
      [3, 1],
      [0, 1]
    ] as const
    const rates = ways.map(([from, to]) =>
      narrowLinks(plan).flatMap((each) => (each.isOf(from, to) ? each.bandwidth : []))
    )
    expect(rates).toEqual([[1e6], [1e6], [1e7], []])
  })

  it.each([
    ['links.links.0', { links: [{ between: [0, 1] }] }],
    ['links', []],
    ['links', { delay: 1 }],
    ['links.latency', { latency: -1 }],
    ['links.bandwidth', { bandwidth: 0 }],
    ['links.bandwidth.down', { bandwidth: { up: 1 } }],
    ['links.peers', { peers: {} }],
    ['links.peers.0.ranks', { peers: [{ ranks: '3-1', bandwidth: 1 }] }],
    ['links.peers.0.bandwidth', { peers: [{ ranks: '1' }] }],
    [
      'links.links.1.between',
      {
        links: [
          { between: [0, 1], latency: 1 },
          { between: [0], latency: 1 }
        ]
      }
    ],
    ['links.links.0.between', { links: [{ between: [0, 1, 2], latency: 1 }] }]
  ])('are refused with the entry that is wrong: %s', (path, values) => {
    expect(() => readLinkPlan(values, SAME)).toThrow(
      expect.objectContaining({
        code: 'argument',
        message: expect.stringMatching(new RegExp(`^${path}: got`)) as string
      })
    )
    expect(() => readLinkPlan(values, SAME)).toThrow(PeergradError)
  })
})

describe('tables of a simulation', () => {
  const row: Measurement = {
    strategy: 'spirt:a=1,b=2',
    peers: 1000,
    rounds: 4,
    seconds: 2,
    bytes: { median: 7992, worst: 8100 },
    formula: { median: 7992, worst: 7992 },
    control: { median: 512, worst: 600 },
    deviation: 0.0135,
    events: 1234567,
    parametersHash: 'a'.repeat(64)
  }

  it('say the same in three forms', () => {
    expect(terminalTable([row])).toMatch(/spirt:a=1,b=2 {2}1,000 +0\.5000 s +2\.000 +8\.0 kB.* 1\.35 % .*1,234,567/)
    expect(markdownTable([row]).split('\n')[2]).toMatch(
      /^\| spirt:a=1,b=2 \| 1,000 \| 0\.5000 s \| 2\.000 \| 8\.0 kB \|/
    )
    expect(csvTable([row]).split('\r\n')[1]).toBe('"spirt:a=1,b=2",1000,0.5,2,7992,7992,8100,7992,0.0135,512,1234567')
  })

  it('have the middle and the most of all peers', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, worst: 3 })
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, worst: 4 })
    expect(spread([7])).toEqual({ median: 7, worst: 7 })
  })
})
