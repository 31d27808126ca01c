import { Emitter, processClock, random, virtualClock, type Mesh, type MeshEvents } from '@peergrad/core'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { Arrivals } from '../src/membership/accrual.js'
import { BEAT, beatInterval } from '../src/membership/beat-interval.js'
import { FailureDetector } from '../src/membership/failure-detector.js'
import { Pulse } from '../src/runtime/pulse.js'

const INIT = { interval: 500, jitter: 60 }
const PAUSE = 600

describe('how doubtful a silence is', () => {
  /** φ after each silence, once beats came at these intervals. */
  function levels(intervals: readonly number[], silences: readonly number[], roundTrip = 0): number[] {
    let now = 0
    const arrivals = new Arrivals(INIT, now)
    for (const interval of intervals) arrivals.beat((now += interval))
    return silences.map((silence) => arrivals.level(now + silence, { roundTrip, pause: PAUSE }))
  }

  it('grows with the silence, and no sooner to suspicion on a longer link', () => {
    const interval = fc.integer({ min: 1, max: 5000 })
    fc.assert(
      fc.property(
        fc.array(interval, { maxLength: 300 }),
        fc.integer({ min: 0, max: 1e7 }),
        fc.integer({ min: 1, max: 1e5 }),
        fc.integer({ min: 0, max: 1e4 }),
        (intervals, silence, more, roundTrip) => {
          const [short, long] = levels(intervals, [silence, silence + more])
          const [far] = levels(intervals, [silence], roundTrip)
          expect(short).toBeGreaterThanOrEqual(0)
          expect(long).toBeGreaterThanOrEqual(short!)
          if (far! >= 8) expect(short).toBeGreaterThanOrEqual(8)
        }
      )
    )
  })

  it('takes longer after beats that came irregularly', () => {
    const stream = random(7)
    const regular = Array.from({ length: 100 }, () => 500)
    const irregular = Array.from({ length: 100 }, () => 200 + 600 * stream.uniform())
    const [sure] = levels(regular, [1700])
    const [unsure] = levels(irregular, [1700])
    expect(sure).toBeGreaterThan(8)
    expect(unsure).toBeLessThan(8)
  })

  it('takes a single long pause for no more than four intervals', () => {
    const [after] = levels([...Array<number>(99).fill(500), 60_000], [2500])
    expect(after).toBeGreaterThan(8)
  })

  it('forgets what was long ago', () => {
    const [before] = levels([...Array<number>(100).fill(3000), ...Array<number>(100).fill(500)], [1700])
    expect(before).toBeGreaterThan(8)
  })
})

it('a peer beats by the members of its view, however many outsiders are connected to it', () => {
  const clock = virtualClock()
  const connected = Array.from({ length: 1000 }, (_, index) => `outsider${index}`)
  const beats: number[] = []
  const mesh = { on: () => () => {}, connected: () => connected, beat: () => beats.push(clock.now()) }
  const own = () => ({ stateful: true, confirmed: true, round: 0, hash: 'a'.repeat(64), plan: 'b'.repeat(16) })
  let members = 4
  const pulse = new Pulse({ mesh: mesh as unknown as Mesh, clock, members: () => members, own, onBeat: () => {} })
  pulse.beat()
  clock.advance(1000)
  expect(beats).toEqual([0, 500, 1000])
  members = 512
  pulse.beat()
  clock.advance(4000)
  expect(beats.slice(3)).toEqual([1050, 3050])
  pulse.close()
})

describe('a failure detector', () => {
  let detector: FailureDetector
  afterEach(() => detector.close())

  function setUp({ connected = ['a'] } = {}) {
    const clock = virtualClock()
    const own = processClock(clock)
    const events = new Emitter<MeshEvents>()
    const said: string[] = []
    const mesh = {
      on: events.on.bind(events),
      connected: () => connected,
      links: () => [{ peer: 'a', roundTripMilliseconds: 10 }]
    } as unknown as Mesh
    detector = new FailureDetector({ mesh, clock: own, begin: 10_000 })
    detector.on('suspect', ({ peer, reason }) => said.push(`suspect ${peer}: ${reason}`))
    detector.on('trust', ({ peer }) => said.push(`trust ${peer}`))
    detector.watch('a')
    const beats = (count: number) => {
      for (let i = 0; i < count; i++) {
        clock.advance(BEAT)
        detector.beat('a', true)
      }
    }
    return { clock, own, events, said, beats }
  }

  it('suspects a peer within two seconds of its last beat, and trusts it again at the next', () => {
    const { clock, said, beats } = setUp()
    beats(20)
    clock.advance(1200)
    expect(said).toEqual([])
    clock.advance(800)
    expect(said).toEqual([expect.stringMatching(/^suspect a: no sign of it for \d+ ms$/)])
    beats(1)
    expect(said[1]).toBe('trust a')
  })

  it('suspects one whose connection stays closed for half a second, and not one that comes back', () => {
    const { clock, events, said, beats } = setUp()
    beats(20)
    events.emit('disconnect', { peer: 'a' })
    clock.advance(400)
    events.emit('connect', { peer: 'a' })
    beats(4)
    expect(said).toEqual([])
    events.emit('disconnect', { peer: 'a' })
    clock.advance(600)
    expect(said).toEqual(['suspect a: its connection closed'])
    // a new process may have its key: it has to say something first
    events.emit('connect', { peer: 'a' })
    expect(said).toHaveLength(1)
    detector.beat('a', false)
    expect(said).toHaveLength(1)
    detector.beat('a', true)
    expect(said[1]).toBe('trust a')
  })

  it('suspects one that says that it lost the state of the run', () => {
    const { said, beats } = setUp()
    beats(3)
    detector.beat('a', false)
    detector.heard('a')
    expect(said).toEqual(['suspect a: it came back without the state of the run'])
  })

  it('gives one that begins together with this peer its time to have a state', () => {
    const { clock, said } = setUp()
    for (let i = 1; i < 20; i++) {
      clock.advance(BEAT)
      detector.beat('a', false)
    }
    expect(said).toEqual([])
    clock.advance(BEAT)
    detector.beat('a', false)
    expect(said).toEqual(['suspect a: it came back without the state of the run'])
  })

  it('suspects nobody after it stood still itself', () => {
    const { clock, own, events, said, beats } = setUp()
    beats(20)
    own.stop()
    clock.advance(10_000)
    own.resume()
    clock.advance(0)
    expect(said).toEqual([])
    events.emit('disconnect', { peer: 'a' })
    clock.advance(4500)
    expect(said).toEqual([])
    events.emit('connect', { peer: 'a' })
    beats(3)
    expect(said).toEqual([])
    clock.advance(2000)
    expect(said).toHaveLength(1)
  })

  it('suspects one whose connection closed, however often it stands still itself meanwhile', () => {
    const { clock, own, events, said, beats } = setUp()
    const standStill = (awakeAfter: number) => {
      own.stop()
      clock.advance(1500)
      own.resume()
      clock.advance(awakeAfter)
    }
    beats(20)
    events.emit('disconnect', { peer: 'a' })
    clock.advance(200)
    standStill(2500)
    expect(said).toEqual(['suspect a: its connection closed'])
    events.emit('connect', { peer: 'a' })
    beats(20)
    said.length = 0
    standStill(0)
    // closed when it had just stood still: perhaps for that
    events.emit('disconnect', { peer: 'a' })
    clock.advance(200)
    standStill(3000)
    standStill(3000)
    expect(said).toEqual([])
    standStill(3000)
    expect(said).toEqual(['suspect a: its connection closed'])
  })

  it('does not take a short pause of its own for a reason why others closed their connections', () => {
    const { clock, own, events, said, beats } = setUp()
    beats(20)
    own.stop()
    clock.advance(600)
    own.resume()
    clock.advance(0)
    events.emit('disconnect', { peer: 'a' })
    clock.advance(1000)
    expect(said).toEqual(['suspect a: its connection closed'])
  })

  it('sees who falls silent on an open connection, also right after it stood still itself', () => {
    const { clock, own, said, beats } = setUp()
    beats(20)
    own.stop()
    clock.advance(10_000)
    own.resume()
    clock.advance(0)
    expect(said).toEqual([])
    clock.advance(2000)
    expect(said).toEqual([expect.stringContaining('no sign of it')])
  })

  it('gives a peer that is not there yet five seconds', () => {
    const { clock, said } = setUp({ connected: [] })
    clock.advance(4900)
    expect(said).toEqual([])
    clock.advance(2000)
    expect(said).toHaveLength(1)
  })

  it('bears that each of a thousand peers beats rarely, and sees who falls silent among them', () => {
    const others = Array.from({ length: 999 }, (_, index) => `other${index}`)
    const { clock, said } = setUp({ connected: ['a', ...others] })
    for (const peer of others) detector.watch(peer)
    // news in quick rounds, then a long one
    for (const wait of [...Array<number>(100).fill(100), beatInterval(1000), beatInterval(1000)]) {
      clock.advance(wait)
      for (const peer of ['a', ...others]) detector.beat(peer, true)
    }
    expect(said).toEqual([])
    for (let second = 0; second < 10; second++) {
      clock.advance(1000)
      for (const peer of others) detector.heard(peer)
    }
    expect(said).toEqual([expect.stringMatching(/^suspect a: no sign of it for \d+ ms$/)])
  })

  it('is told by each peer that it lives twice a second among few, and never rarer than every four', () => {
    expect([1, 4, 128].map(beatInterval)).toEqual([BEAT, BEAT, BEAT])
    expect([256, 1024, 100_000].map(beatInterval)).toEqual([2 * BEAT, 8 * BEAT, 8 * BEAT])
  })

  it('does not trust one again that said that it leaves', () => {
    const { said, beats } = setUp()
    beats(1)
    detector.leaves('a')
    beats(2)
    detector.heard('a')
    expect(said).toEqual(['suspect a: it left'])
  })
})
