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
  /** milliseconds at which it is cut, if it has not ended */
  readonly cut: number
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
    start: fc.constantFrom(0, 0, 0, 250, 700),
    cut: fc.constantFrom(Infinity, Infinity, 130, 410, 900)
  })
  .filter(({ from, to, start, cut }) => from !== to && start < cut)

it('end when even shares say so, whoever begins, ends or is cut meanwhile', () => {
  fc.assert(
    fc.property(ways, fc.array(flow, { minLength: 1, maxLength: 14 }), (given, flows) => {
      const expected = byHand(given, flows)
      transferred(given, flows).forEach(({ at, sent }, i) => {
        expect(at).toBeCloseTo(expected[i]!.at, 6)
        // whole bytes, of a sum that rounds
        expect(Math.abs(sent - expected[i]!.sent)).toBeLessThan(1 + 1e-6)
      })
    }),
    { numRuns: 300 }
  )
})

/** When each has ended, and what of it had been sent. */
interface End {
  at: number
  sent: number
}

function transferred({ up, down, link }: Ways, flows: readonly Flow[]): End[] {
  const clock = virtualClock()
  const hosts = Array.from({ length: HOSTS }, (_, i) => new MemoryHost(String(i), clock))
  const links = new LinkTable(() => 0)
  links.impose({ bandwidth: link }, (from, to) => from === '0' && to === '1')
  const bandwidth = (peer: string) => ({ up: up[Number(peer)]!, down: down[Number(peer)]! })
  const transfers = new MemoryTransfers({ clock, links, bandwidth })
  const ended = flows.map((): End => ({ at: NaN, sent: 0 }))
  for (const [i, { from, to, bytes, start, cut }] of flows.entries()) {
    const moved = (sent: number) => (ended[i] = { at: clock.now(), sent })
    clock.after(start, () => {
      const stop = transfers.start({ from: hosts[from]!, to: hosts[to]!, bytes, moved, moving: () => {} })
      if (cut < Infinity) clock.after(cut - start, stop)
    })
  }
  while (clock.next !== undefined) clock.step()
  return ended
}

/** Every share anew at each begin and end. */
function byHand({ up, down, link }: Ways, flows: readonly Flow[]): End[] {
  const left = flows.map(({ bytes }) => bytes)
  const ended = flows.map((): End => ({ at: NaN, sent: 0 }))
  const open = (i: number) => Number.isNaN(ended[i]!.at)
  for (let now = 0; flows.some((_, i) => open(i));) {
    const moving = flows.filter(({ start }, i) => start <= now && open(i))
    const rate = ({ from, to }: Flow) => {
      const among = (same: (other: Flow) => boolean) => moving.filter(same).length
      const onLink = from === 0 && to === 1 ? link / among((other) => other.from === 0 && other.to === 1) : Infinity
      const outward = up[from]! / among((other) => other.from === from)
      return Math.min(outward, down[to]! / among((other) => other.to === to), onLink) / 1000
    }
    const waits = flows.map((each, i) => {
      return moving.includes(each) ? Math.min(left[i]! / rate(each), each.cut - now) : each.start - now
    })
    const next = Math.min(...waits.filter((_, i) => open(i)))
    for (const [i, each] of flows.entries()) {
      if (!moving.includes(each)) continue
      if (rate(each) < Infinity) left[i]! -= rate(each) * next
      else if (next === 0) left[i] = 0
      if (waits[i]! <= next + 1e-9) ended[i] = { at: now + next, sent: each.bytes - Math.max(0, left[i]!) }
    }
    now += next
  }
  return ended
}
