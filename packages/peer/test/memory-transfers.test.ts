import { virtualClock } from '@peergrad/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LinkTable } from '../src/mesh/link-conditions.js'
import { MemoryHost } from '../src/mesh/memory-host.js'
import { MemoryTransfers } from '../src/mesh/memory-transfers.js'

interface Flow {
  readonly from: number
  readonly to: number
  readonly bytes: number
  /** milliseconds */
  readonly start: number
}

/** Bytes a second of each host's ways, and of the link from host 0 to host 1. */
interface Ways {
  readonly up: readonly number[]
  readonly down: readonly number[]
  readonly link: number
}

const HOSTS = 4
const rates = () => fc.array(fc.constantFrom(1000, 2000, 5000, Infinity), { minLength: HOSTS, maxLength: HOSTS })
const ways = fc.record({ up: rates(), down: rates(), link: fc.constantFrom(500, Infinity) })
const flow = fc
  .record({
    from: fc.nat({ max: HOSTS - 1 }),
    to: fc.nat({ max: HOSTS - 1 }),
    bytes: fc.constantFrom(100, 1000, 1000, 3000),
    start: fc.constantFrom(0, 0, 0, 250, 700)
  })
  .filter(({ from, to }) => from !== to)

it('end when even shares say so, whoever begins or ends meanwhile', () => {
  fc.assert(
    fc.property(ways, fc.array(flow, { minLength: 1, maxLength: 14 }), (given, flows) => {
      const expected = byHand(given, flows)
      transferred(given, flows).forEach((at, i) => expect(at).toBeCloseTo(expected[i]!, 6))
    }),
    { numRuns: 300 }
  )
})

/** When each has ended. */
function transferred({ up, down, link }: Ways, flows: readonly Flow[]): number[] {
  const clock = virtualClock()
  const hosts = Array.from({ length: HOSTS }, (_, i) => new MemoryHost(String(i), clock))
  const links = new LinkTable(() => 0)
  links.impose({ bandwidth: link }, (from, to) => from === '0' && to === '1')
  const bandwidth = (peer: string) => ({ up: up[Number(peer)]!, down: down[Number(peer)]! })
  const transfers = new MemoryTransfers({ clock, links, bandwidth })
  const ended = flows.map(() => NaN)
  for (const [i, { from, to, bytes, start }] of flows.entries()) {
    const moved = (sent: number) => {
      if (sent === bytes) ended[i] = clock.now()
    }
    clock.after(start, () => transfers.start({ from: hosts[from]!, to: hosts[to]!, bytes, moved, moving: () => {} }))
  }
  while (clock.next !== undefined) clock.step()
  return ended
}

/** Every share anew at each begin and end. */
function byHand({ up, down, link }: Ways, flows: readonly Flow[]): number[] {
  const left = flows.map(({ bytes }) => bytes)
  const ended = flows.map(() => NaN)
  for (let now = 0; ended.some(Number.isNaN);) {
    const moving = flows.filter(({ start }, i) => start <= now && Number.isNaN(ended[i]))
    const rate = ({ from, to }: Flow) => {
      const among = (same: (other: Flow) => boolean) => moving.filter(same).length
      const onLink = from === 0 && to === 1 ? link / among((other) => other.from === 0 && other.to === 1) : Infinity
      const outward = up[from]! / among((other) => other.from === from)
      return Math.min(outward, down[to]! / among((other) => other.to === to), onLink) / 1000
    }
    const waits = flows.map((each, i) => (moving.includes(each) ? left[i]! / rate(each) : each.start - now))
    const next = Math.min(...waits.filter((_, i) => Number.isNaN(ended[i])))
    for (const [i, each] of flows.entries()) {
      if (!moving.includes(each)) continue
      if (waits[i]! <= next + 1e-9) ended[i] = now + next
      else left[i]! -= rate(each) * next
    }
    now += next
  }
  return ended
}
