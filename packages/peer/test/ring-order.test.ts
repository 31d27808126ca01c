import type { ContributionManifest, LinkStatistics, PeerId } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { linkCosts, NONE, UNMEASURED } from '../src/runtime/link-costs.js'
import { RingOrder } from '../src/runtime/ring-order.js'

const names = (n: number): PeerId[] => Array.from({ length: n }, (_, rank) => `peer${String(rank).padStart(12, '0')}`)
const contributions = (peers: readonly PeerId[]) => peers.map((peer) => ({ peer }) as ContributionManifest)

/** The ring of members that each say these costs; undefined says nothing. */
function ringOf(
  said: readonly (readonly number[] | undefined)[],
  of?: readonly number[]
): readonly number[] | undefined {
  const members = names(said.length)
  const order = new RingOrder(members)
  said.forEach((costs, rank) => order.note(members[rank], costs && Uint8Array.from(costs)))
  return order.of(contributions(of?.map((rank) => members[rank]) ?? members)).ring
}

/** Costs of links between places in groups: 0 within one, `far` to another. */
const sites = (groups: readonly number[], far = 5) =>
  groups.map((here, i) => groups.map((there, j) => (i === j ? UNMEASURED : here === there ? 0 : far)))

const farHops = (ring: readonly number[], groups: readonly number[]) =>
  ring.filter((at, index) => groups[at] !== groups[ring[(index + 1) % ring.length]]).length

describe('the order of a ring', () => {
  it.each([
    ['two sites, one and the other', [0, 1, 0, 1, 0, 1, 0, 1]],
    ['three sites', [0, 1, 2, 0, 1, 2, 0, 1, 2]],
    ['a site of one', [0, 0, 1, 0, 1, 0, 2]]
  ])('goes to each site once: %s', (_what, groups) => {
    const ring = ringOf(sites(groups))
    expect(ring).toBeDefined()
    expect(farHops(ring!, groups)).toBe(new Set(groups).size)
  })

  it('is by rank where links are alike, and where one is a little worse', () => {
    expect(ringOf(sites([0, 0, 0, 0, 0]))).toBeUndefined()
    const one = sites([0, 0, 0, 0, 0])
    one[1][2] = one[2][1] = 1
    expect(ringOf(one)).toBeUndefined()
  })

  it('is by rank when nobody measured, when what was said is of another view, and with three peers or fewer', () => {
    expect(ringOf([undefined, undefined, undefined, undefined])).toBeUndefined()
    expect(ringOf([0, 1, 0, 1].map(() => [UNMEASURED, UNMEASURED, UNMEASURED, UNMEASURED]))).toBeUndefined()
    expect(ringOf(sites([0, 1, 0, 1, 0, 1]).map((costs) => costs.slice(1)))).toBeUndefined()
    for (const groups of [[0], [0, 1], [0, 1, 0]]) expect(ringOf(sites(groups))).toBeUndefined()
  })

  it('goes around a link that is not there where it can, though all others are slow, and is by rank where it cannot', () => {
    const without = (n: number) => {
      const costs = sites(
        Array.from({ length: n }, (_, rank) => rank),
        20
      )
      costs[0][1] = NONE
      return ringOf(costs)
    }
    const ring = without(4)!
    expect(ring).toHaveLength(4)
    expect([1, 3]).not.toContain(Math.abs(ring.indexOf(0) - ring.indexOf(1)))
    expect(without(3)).toBeUndefined()
  })

  it('takes what one end says where the other says nothing, and the median where neither does', () => {
    const groups = [0, 1, 0, 1, 0, 1]
    const half = sites(groups).map((costs, i) => costs.map((cost, j) => (j < i ? UNMEASURED : cost)))
    expect(ringOf(half)).toEqual(ringOf(sites(groups)))
    const others = sites(groups).slice(1)
    const ring = ringOf([undefined, ...others.map((costs) => [UNMEASURED, ...costs.slice(1)])])
    expect(
      farHops(
        ring!.filter((at) => at > 0),
        groups
      )
    ).toBe(2)
  })

  it('is of those who contributed, by their places among them', () => {
    const groups = [0, 1, 0, 1, 0, 1]
    const ring = ringOf(sites(groups), [0, 1, 3, 4, 5])
    expect([...ring!].sort()).toEqual([0, 1, 2, 3, 4])
    expect(farHops(ring!, [0, 1, 1, 0, 1])).toBe(2)
  })

  it('has everybody once, whatever is said, and is the same for all who hear the same', () => {
    const said = fc
      .integer({ min: 1, max: 24 })
      .chain((n) => fc.array(fc.uint8Array({ minLength: n, maxLength: n }), { minLength: n, maxLength: n }))
    fc.assert(
      fc.property(said, (bytes) => {
        const costs = bytes.map((each) => [...each])
        const ring = ringOf(costs)
        if (ring === undefined) return
        expect([...ring].sort((a, b) => a - b)).toEqual(costs.map((_, index) => index))
        expect(ringOf(costs)).toEqual(ring)
      })
    )
  })
})

describe('what a peer says of its links', () => {
  const link = (peer: PeerId, roundTripMilliseconds: number | undefined, throughput?: number): LinkStatistics => ({
    peer,
    roundTripMilliseconds,
    throughput,
    tensorBytesSent: 0,
    tensorBytesReceived: 0,
    controlBytesSent: 0,
    controlBytesReceived: 0
  })
  const [self, a, b, c] = names(4)
  const of = (links: LinkStatistics[], bytes = 1000) => {
    const connected = links.map(({ peer }) => peer)
    return [...linkCosts(names(links.length + 1), { self, links, connected }, bytes)!].slice(1)
  }

  it('is the same for all links that are as good as a local network', () => {
    expect(of([link(a, 0.1, 1e9), link(b, 5, 40e6), link(c, 2)])).toEqual([0, 0, 0])
  })

  it('is one more for twice the time of a hop, by round trip and by throughput', () => {
    expect(of([link(a, 10), link(b, 20), link(c, 160)])).toEqual([1, 2, 5])
    const large = 32e6
    expect(of([link(a, 0, 32e6), link(b, 0, 16e6), link(c, 0, 8e6)], large)).toEqual([0, 1, 2])
  })

  it('takes the median throughput where none was measured', () => {
    expect(of([link(a, 0, 8e6), link(b, 0), link(c, 0, 1e6)], 32e6)[1]).toBe(5)
  })

  it('says which links were not measured, the own place among them, and which are not there, and bounds the rest', () => {
    const links = [link(a, undefined), link(b, 1e12), link(c, 1)]
    const costs = linkCosts(names(4), { self, links, connected: [a, b] }, 1000)!
    expect([...costs]).toEqual([UNMEASURED, UNMEASURED, 20, NONE])
  })

  it('is nothing where a view is so large that it would take too much to say', () => {
    const none = { self, links: [], connected: [] }
    expect(linkCosts(names(256), none, 1)).toHaveLength(256)
    expect(linkCosts(names(257), none, 1)).toBeUndefined()
  })
})
