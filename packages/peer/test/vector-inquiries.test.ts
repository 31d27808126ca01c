import { DERIVED_LIMIT, PeergradError, virtualClock, type PeerId } from '@peergrad/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { deferred } from '../src/deferred.js'
import { VectorInquiries, type VectorInquiriesInit } from '../src/runtime/vector-inquiries.js'

const [A, B] = ['peerAAAAAAAAAAAA', 'peerBBBBBBBBBBBB']

let clock: ReturnType<typeof virtualClock>
let asked: { at: number; peer: PeerId; ballot: number; labels: readonly string[] }[]
/** of the next questions; at once unless given */
let answer: VectorInquiriesInit['ask']
/** when somebody turned out to be mute */
let mute: number[]
let inquiries: VectorInquiries
beforeEach(() => {
  clock = virtualClock()
  asked = []
  mute = []
  answer = async () => {}
  const ask: VectorInquiriesInit['ask'] = (peer, ballot, labels) => {
    asked.push({ at: clock.now(), peer, ballot, labels })
    return answer(peer, ballot, labels)
  }
  inquiries = new VectorInquiries({ clock, ask, onMute: () => mute.push(clock.now()) })
})

/** What is answered at once is heard before time goes on. */
async function pass(milliseconds: number): Promise<void> {
  const end = clock.now() + milliseconds
  for (; (clock.next ?? Infinity) <= end; await new Promise(setImmediate)) clock.step()
  clock.advance(end - clock.now())
}

const about = (label: string, { peer = A, ballot = 0 } = {}) => inquiries.about(peer, { ballot, label })
const times = () => asked.map(({ at }) => at)

describe('a peer that something is waited for of', () => {
  it('is asked after a quarter of a second without news, for all that is waited for, and each peer by itself', async () => {
    about('sum.1')
    about('sum.2')
    about('sum.3', { peer: B })
    await pass(249)
    expect(asked).toEqual([])
    await pass(1)
    expect(asked).toEqual([
      { at: 250, peer: A, ballot: 0, labels: ['sum.1', 'sum.2'] },
      { at: 250, peer: B, ballot: 0, labels: ['sum.3'] }
    ])
  })

  it('is not asked while it is heard, and soon again when it was', async () => {
    about('sum.1')
    for (let i = 0; i < 5; i++) {
      await pass(200)
      inquiries.heard(A)
      inquiries.heard(B)
    }
    expect(asked).toEqual([])
    await pass(250 + 500)
    inquiries.heard(A)
    await pass(250)
    expect(times()).toEqual([1250, 1750, 2000])
  })

  it('is asked more and more seldom when it does not answer, down to once a second', async () => {
    answer = () => Promise.reject(new PeergradError('unreachable', 'on purpose'))
    about('sum.1')
    await pass(5000)
    expect(times()).toEqual([250, 750, 1750, 2750, 3750, 4750])
  })

  it.each([
    ['unreachable', [750, 1750]],
    ['timeout', [750, 1750]],
    ['missing', []]
  ] as const)('is mute after two questions in a row that end with %s at %j', async (code, at) => {
    answer = () => Promise.reject(new PeergradError(code, 'on purpose'))
    about('sum.1')
    await pass(2000)
    expect(mute).toEqual(at)
    expect([inquiries.isMute(A), inquiries.isMute(B)]).toEqual([at.length > 0, false])
  })

  it('is not mute when it said something in between, or answers again', async () => {
    answer = () => Promise.reject(new PeergradError('unreachable', 'on purpose'))
    about('sum.1')
    await pass(250)
    inquiries.heard(A)
    await pass(250)
    expect(inquiries.isMute(A)).toBe(false)
    await pass(500)
    expect(inquiries.isMute(A)).toBe(true)
    answer = async () => {}
    await pass(1000)
    expect(inquiries.isMute(A)).toBe(false)
  })

  it('is asked one thing at a time', async () => {
    const late = deferred<void>()
    answer = () => late.promise
    about('sum.1')
    await pass(250)
    about('sum.2')
    inquiries.heard(A)
    await pass(3000)
    expect(times()).toEqual([250])
    late.resolve()
    await new Promise(setImmediate)
    await pass(250)
    expect(asked[1]).toEqual({ at: 3500, peer: A, ballot: 0, labels: ['sum.1', 'sum.2'] })
  })

  it('is asked no more when nothing is waited for, not even where a question is under way', async () => {
    const late = deferred<void>()
    answer = () => late.promise
    const over = [about('sum.1'), about('sum.2')]
    over[0]()
    await pass(250)
    expect(asked[0].labels).toEqual(['sum.2'])
    over[1]()
    late.resolve()
    await pass(5000)
    expect(asked).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('is asked for the newest ballot, and for no more than one question may be about', async () => {
    for (let i = 0; i < DERIVED_LIMIT; i++) about(`old.${i}`)
    for (let i = 0; i <= DERIVED_LIMIT; i++) about(`new.${i}`, { ballot: 4 })
    await pass(250)
    const labels = Array.from({ length: DERIVED_LIMIT }, (_, index) => `new.${index}`)
    expect(asked).toEqual([{ at: 250, peer: A, ballot: 4, labels }])
  })
})
