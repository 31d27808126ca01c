import { Arena, processClock, virtualClock, type Mesh, type MeshEvents, type PeerId, type Vector } from '@peergrad/core'
import { MemoryNetwork, type LinkConditions, type MemoryNetworkInit, type SimulatedMesh } from '@peergrad/peer'
import { describe, expect, it } from 'vitest'

const [A, B, C] = ['peer-a', 'peer-b', 'peer-c']
const DIGEST = 'a'.repeat(64)

/** Peers that are all connected, and what each got: `<virtual ms> <event> <from>`, and the text of messages. */
class Bench {
  readonly clock = virtualClock()
  readonly network: MemoryNetwork
  readonly arena = Arena.create({ bytes: 1 << 20 })
  readonly got = new Map<PeerId, string[]>()
  readonly clocks = new Map<PeerId, ReturnType<typeof processClock>>()

  constructor(init: Partial<MemoryNetworkInit> = {}) {
    this.network = new MemoryNetwork({ clock: this.clock, latency: () => 5, ...init })
  }

  join(peer: PeerId): Mesh {
    const clock = processClock(this.clock)
    const mesh = this.network.join(peer, { clock })
    const got: string[] = []
    this.clocks.set(peer, clock)
    this.got.set(peer, got)
    const note = (text: string) => got.push(`${Math.round(this.clock.now())} ${text}`)
    mesh.on('message', ({ from, payload }) => note(`${decode(payload)} of ${from}`))
    mesh.on('beat', ({ from }) => note(`beat of ${from}`))
    mesh.on('connect', ({ peer }) => note(`connect ${peer}`))
    mesh.on('disconnect', ({ peer }) => note(`disconnect ${peer}`))
    mesh.on('request', ({ respond, payload }) => respond(payload))
    return mesh
  }

  async all(...peers: PeerId[]): Promise<Mesh[]> {
    const meshes = peers.map((peer) => this.join(peer))
    for (const mesh of meshes.slice(1)) await mesh.dial(`/memory/${peers[0]}`)
    for (const got of this.got.values()) got.length = 0
    return meshes
  }

  /** Lets so much time pass, callback by callback. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.clock.now() + milliseconds
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const { next } = this.clock
      if (next === undefined || next > end) break
      this.clock.step()
    }
    this.clock.advance(end - this.clock.now())
  }

  /** The virtual time at which the promise settles, and with what. */
  async when<T>(promise: Promise<T>): Promise<{ at: number; value: T | string }> {
    let settled: { at: number; value: T | string } | undefined
    promise.then(
      (value) => (settled = { at: this.clock.now(), value }),
      (error: { code: string }) => (settled = { at: this.clock.now(), value: error.code })
    )
    for (let i = 0; settled === undefined && i < 10_000; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      this.clock.step()
    }
    return settled ?? { at: NaN, value: 'never' }
  }

  of(peer: PeerId): string[] {
    return this.got.get(peer) ?? []
  }

  serve(mesh: Mesh, to: PeerId[], floats = 1000): Vector {
    const vector = this.arena.allocate(floats)
    for (let i = 0; i < floats; i++) vector[i] = i
    mesh.admit(to)
    mesh.serve(DIGEST, vector)
    return vector
  }
}

const encode = (text: string) => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const only = (from: PeerId, to: PeerId) => (a: PeerId, b: PeerId) => a === from && b === to
const everywhere = () => true

describe('announcements in memory', () => {
  it.each<[string, Partial<LinkConditions>, number]>([
    ['5 ms without a fault', {}, 5],
    ['as many milliseconds more as a link is slow', { delay: 40 }, 45]
  ])('take %s', async (_what, conditions, expected) => {
    const bench = new Bench()
    const [a] = await bench.all(A, B)
    bench.network.impose(conditions, only(A, B))
    await a.announce(encode('hello'))
    await bench.pass(1000)
    expect(bench.of(B)).toEqual([`${expected} hello of ${A}`])
  })

  it('are lost, come twice and overtake each other by chance, and only when jitter is all that there is in order', async () => {
    const count = 200
    const arrivals = async (conditions: Partial<LinkConditions>) => {
      const bench = new Bench({ seed: 7 })
      const [a] = await bench.all(A, B)
      bench.network.impose(conditions, everywhere)
      for (let i = 0; i < count; i++) {
        await a.announce(encode(String(i)))
        await bench.pass(1)
      }
      await bench.pass(2000)
      return bench.of(B).map((line) => Number(line.split(' ')[1]))
    }
    const sorted = Array.from({ length: count }, (_, i) => i)
    expect(await arrivals({ jitter: 50 })).toEqual(sorted)
    const lost = await arrivals({ loss: 0.3 })
    expect(lost.length).toBeGreaterThan(count / 2)
    expect(lost.length).toBeLessThan(count)
    const doubled = await arrivals({ duplicates: 0.3 })
    expect(doubled.length).toBeGreaterThan(count)
    expect([...new Set(doubled)].sort((a, b) => a - b)).toEqual(sorted)
    const mixed = await arrivals({ reorder: 0.3 })
    expect(mixed).not.toEqual(sorted)
    expect([...mixed].sort((a, b) => a - b)).toEqual(sorted)
    expect(await arrivals({ loss: 0.3 })).toEqual(lost)
  })

  it('are passed on by others where the link is blocked, and beats are not', async () => {
    const bench = new Bench()
    const [a] = await bench.all(A, B, C)
    bench.network.impose({ blocked: true }, only(A, B))
    await a.announce(encode('hello'))
    a.beat(encode('x'))
    await bench.pass(100)
    expect(bench.of(B)).toEqual([`10 hello of ${A}`])
    expect(bench.of(C).sort()).toEqual([`5 beat of ${A}`, `5 hello of ${A}`])
  })

  it('do not leave a part of the network that is cut off', async () => {
    const bench = new Bench()
    const [a] = await bench.all(A, B, C)
    bench.network.partition([[A, B], [C]])
    await a.announce(encode('hello'))
    await bench.pass(100)
    expect(bench.of(B)).toEqual([`5 hello of ${A}`])
    expect(bench.of(C)).toEqual([])
  })
})

describe('connections in memory', () => {
  it.each([
    ['one way', (heal: MemoryNetwork) => heal.impose({ blocked: true }, only(B, A))],
    ['both ways', (network: MemoryNetwork) => network.partition([[A], [B]])]
  ])('close for both when the link is blocked %s, and come back when it is open', async (_how, block) => {
    const bench = new Bench()
    const [a] = await bench.all(A, B)
    const heal = block(bench.network)
    const asked = a.request(B, encode('?'), { deadline: 60_000 })
    expect(await bench.when(asked)).toEqual({ at: 10_000, value: 'unreachable' })
    await bench.pass(20_000)
    expect(bench.of(A)).toEqual([`10000 disconnect ${B}`])
    expect(bench.of(B).filter((line) => line.includes('connect'))).toEqual([`10000 disconnect ${A}`])
    expect(a.connected()).toEqual([])
    heal()
    const healed = bench.clock.now()
    await bench.pass(1000)
    for (const peer of [A, B]) expect(bench.of(peer).at(-1)).toMatch(/connect peer/)
    expect(Number(bench.of(A).at(-1)?.split(' ')[0]) - healed).toBeLessThanOrEqual(1000)
    expect(a.connected()).toEqual([B])
    await bench.pass(5000)
    expect(bench.of(A)).toHaveLength(2)
  })

  it('last through a shorter block, and what streams carry comes after it', async () => {
    const bench = new Bench()
    const [a] = await bench.all(A, B)
    const heal = bench.network.impose({ blocked: true }, everywhere)
    const asked = a.request(B, encode('?'), { deadline: 60_000 })
    bench.clock.after(2000, heal)
    expect((await bench.when(asked)).at).toBe(2010)
    await bench.pass(5000)
    expect(bench.of(A)).toEqual([])
  })

  it('carry what was lost later', async () => {
    const bench = new Bench({ seed: 1 })
    const [a] = await bench.all(A, B)
    bench.network.impose({ loss: 0.5 }, everywhere)
    const times: number[] = []
    for (let i = 0; i < 20; i++) {
      const start = bench.clock.now()
      times.push((await bench.when(a.request(B, encode('?'), { deadline: 60_000 }))).at - start)
    }
    expect(times).toContain(10)
    expect(times.filter((time) => time >= 200).length).toBeGreaterThan(5)
  })

  it('carry what was lost the next time that it is sent, once the link is well', async () => {
    const bench = new Bench({ seed: 1 })
    const [a] = await bench.all(A, B)
    const heal = bench.network.impose({ loss: 0.999 }, only(A, B))
    const asked = ['first', 'second'].map((text) => bench.when(a.request(B, encode(text), { deadline: 60_000 })))
    bench.clock.after(300, heal)
    // sent again after 200 ms, and then after 400 more
    expect((await Promise.all(asked)).map(({ at }) => at)).toEqual([610, 610])
  })

  it('are missed after a kill as soon as that is known, and what was on its way is not seen', async () => {
    const bench = new Bench()
    const [a, b] = await bench.all(A, B)
    await b.announce(encode('last words'))
    const asked = a.request(B, encode('?'), { deadline: 60_000 })
    bench.network.kill(B)
    expect(await bench.when(asked)).toEqual({ at: 5, value: 'unreachable' })
    expect(bench.of(A)).toEqual([`5 disconnect ${B}`])
  })

  it('see what a peer sent before it closed', async () => {
    const bench = new Bench()
    const [, b] = await bench.all(A, B)
    await b.announce(encode('last words'))
    await b.close()
    await bench.pass(100)
    expect(bench.of(A)).toEqual([`5 last words of ${B}`, `5 disconnect ${B}`])
  })

  it('are new to a peer that comes back under its name, whoever still believed in the old ones', async () => {
    const bench = new Bench()
    await bench.all(A, B)
    bench.network.kill(B)
    const again = bench.join(B)
    expect(await again.dial(`/memory/${A}`)).toBe(A)
    await again.announce(encode('back'))
    await bench.pass(3000)
    expect(bench.of(A)).toEqual([`0 disconnect ${B}`, `0 connect ${B}`, `5 back of ${B}`])
    expect(bench.of(B)).toEqual([`0 connect ${A}`])
  })
})

describe('a stopped peer in memory', () => {
  it('goes on with its timers, then with what came, and finds its connections closed', async () => {
    const bench = new Bench()
    const [a, b] = await bench.all(A, B)
    const clock = bench.clocks.get(B)!
    clock.after(1000, () => bench.of(B).push(`${clock.now()} timer`))
    clock.stop()
    bench.network.stop(B)
    await a.announce(encode('are you there'))
    await bench.pass(12_000)
    expect(bench.of(A)).toEqual([`10000 disconnect ${B}`])
    expect(bench.of(B)).toEqual([])
    clock.resume()
    bench.network.resume(B)
    await bench.pass(1000)
    const [first, second, third, fourth] = bench.of(B)
    expect([first, second, third]).toEqual(['12000 timer', `12000 are you there of ${A}`, `12000 disconnect ${A}`])
    expect(fourth).toMatch(/connect peer-a/)
    expect(b.connected()).toEqual([A])
  })

  it('says nothing until it goes on', async () => {
    const bench = new Bench()
    const [a, b] = await bench.all(A, B)
    bench.network.stop(B)
    void b.announce(encode('held back'))
    const asked = b.request(A, encode('?'), { deadline: 60_000 })
    await bench.pass(1000)
    expect(bench.of(A)).toEqual([])
    bench.network.resume(B)
    expect((await bench.when(asked)).at).toBe(1010)
    expect(bench.of(A)).toEqual([`1005 held back of ${B}`])
    expect(a.connected()).toEqual([B])
  })
})

describe('tensors in memory', () => {
  const fetch = (mesh: Mesh, from: PeerId[], into: Vector, deadline = 60_000) =>
    mesh.fetch({ digest: DIGEST, bytes: 4000, from, into, deadline })
  const served = (mesh: Mesh) => {
    const events: MeshEvents['served'][] = []
    mesh.on('served', (event) => events.push(event))
    return events
  }

  it('take their bytes at the bandwidth, shared by those that go at the same time', async () => {
    const bench = new Bench({ bandwidth: 40_000 })
    const [a, b, c] = await bench.all(A, B, C)
    bench.serve(a, [B, C])
    const [one, two] = [bench.arena.allocate(1000), bench.arena.allocate(1000)]
    expect((await bench.when(fetch(b, [A], one))).at).toBe(110)
    const start = bench.clock.now()
    const both = Promise.all([fetch(b, [A], one), fetch(c, [A], two)])
    expect((await bench.when(both)).at - start).toBe(210)
    expect(two).toEqual(one)
    expect(b.links()).toMatchObject([
      { peer: A, tensorBytesReceived: 8000, throughput: 20_000, roundTripMilliseconds: 10 },
      { peer: C, tensorBytesReceived: 0 }
    ])
  })

  it('have an even share of what their sender can send and of what their receiver can receive', async () => {
    const rates = { [A]: { up: 8000, down: 1 }, [B]: { up: 1, down: 40_000 }, [C]: { up: 1, down: 2000 } }
    const bench = new Bench({ bandwidth: (peer) => rates[peer], latency: () => 20 })
    const [a, b, c] = await bench.all(A, B, C)
    bench.serve(a, [B, C])
    const fetched = (mesh: Mesh) => bench.when(fetch(mesh, [A], bench.arena.allocate(1000)))
    // 4,000 bytes at 8,000 a second, and a round trip
    expect((await fetched(b)).at).toBeCloseTo(540, 6)
    const start = bench.clock.now()
    const [one, two] = await Promise.all([fetched(b), fetched(c)])
    // half of A's way out for one second; C's way in is the narrower one, to the end
    expect([one.at - start, two.at - start]).toEqual([expect.closeTo(1040, 6), expect.closeTo(2040, 6)])
  })

  it('are slow where one link is', async () => {
    const bench = new Bench()
    const [a, b] = await bench.all(A, B)
    bench.serve(a, [B])
    bench.network.impose({ bandwidth: 4000 }, only(A, B))
    expect((await bench.when(fetch(b, [A], bench.arena.allocate(1000)))).at).toBe(1010)
  })

  it('are read in parts', async () => {
    const bench = new Bench()
    const [a, b] = await bench.all(A, B)
    const vector = bench.serve(a, [B], 3000)
    const into = bench.arena.allocate(900)
    const part = { digest: DIGEST, bytes: 12_000, from: [A], into, deadline: 1000 }
    await bench.when(b.fetch({ ...part, offset: 8192 }))
    expect(into).toEqual(vector.slice(2048, 2948))
    for (const offset of [100, 12_288]) {
      await expect(b.fetch({ ...part, offset })).rejects.toMatchObject({ code: 'argument' })
    }
  })

  it('cut half way are asked of the next holder, and the half is counted', async () => {
    const bench = new Bench({ bandwidth: 40_000 })
    const [a, b, c] = await bench.all(A, B, C)
    for (const holder of [a, b]) bench.serve(holder, [C])
    bench.network.on('half', ({ from, to }) => {
      if (from === A && to === C) bench.network.kill(A)
    })
    const into = bench.arena.allocate(1000)
    const events = served(b)
    expect((await bench.when(fetch(c, [A, B], into))).value).toMatchObject({ from: B })
    expect(into[999]).toBe(999)
    expect(c.links().map(({ peer, tensorBytesReceived }) => [peer, tensorBytesReceived])).toEqual([
      [A, 2000],
      [B, 4000]
    ])
    expect(events).toEqual([{ peer: C, digest: DIGEST, bytes: 4000 }])
  })

  it('of another length than was announced are an offence of who announced it, and of no other holder', async () => {
    const bench = new Bench()
    const [a, b, c] = await bench.all(A, B, C)
    for (const holder of [a, b]) bench.serve(holder, [C])
    const into = bench.arena.allocate(999)
    const announced = { digest: DIGEST, bytes: 3996, announcer: A, into, deadline: 1000 }
    expect((await bench.when(c.fetch({ ...announced, from: [B] }))).value).toBe('corrupt')
    expect((c as SimulatedMesh).offences).toEqual([])
    expect((await bench.when(c.fetch({ ...announced, from: [A, B] }))).value).toBe('corrupt')
    expect((c as SimulatedMesh).offences).toEqual([{ peer: A, offence: 'wrong-length' }])
  })

  it('of a holder that stands still are given up after a pace window', async () => {
    const bench = new Bench()
    const [a, b] = await bench.all(A, B)
    bench.serve(a, [B])
    bench.network.stop(A)
    expect(await bench.when(fetch(b, [A], bench.arena.allocate(1000), 4000))).toEqual({ at: 500, value: 'timeout' })
  })

  it('end at the deadline', async () => {
    const bench = new Bench({ bandwidth: 400 })
    const [a, b] = await bench.all(A, B)
    bench.serve(a, [B])
    expect(await bench.when(fetch(b, [A], bench.arena.allocate(1000), 3000))).toEqual({ at: 3000, value: 'timeout' })
    await a.unserve(DIGEST)
  })

  it('are not read any more once the reader was killed', async () => {
    const bench = new Bench({ bandwidth: 40_000 })
    const [a, b] = await bench.all(A, B)
    bench.serve(a, [B])
    void fetch(b, [A], bench.arena.allocate(1000))
    await bench.pass(50)
    bench.network.kill(B)
    const unserved = a.unserve(DIGEST)
    expect((await bench.when(unserved)).at).toBe(55)
  })
})
