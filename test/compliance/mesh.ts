import {
  BEAT_LIMIT,
  CONTROL_LIMIT,
  PeergradError,
  TELL_LIMIT,
  type Arena,
  type Mesh,
  type MeshEvents,
  type Vector
} from '@peergrad/core'
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

export interface MeshUnderTest {
  readonly mesh: Mesh
  /** vectors to serve and to fetch into come from here */
  readonly arena: Arena
  /** the process is gone, without a word */
  kill(): Promise<void> | void
  /** the peer again after its `kill`, with its identity, connected to all the others */
  comeBack(): Promise<MeshUnderTest>
}

export interface MeshFactory {
  /** Makes `count` peers of one run that are all connected to each other. */
  create(count: number): Promise<MeshUnderTest[]>
  /** Makes a peer that is not of the run. When it can, it is connected to the run's peers all the same. */
  stranger(): Promise<Mesh>
}

/** For deadlines that pass, and for those that must not. */
const SOON = 60
const LATE = 20_000

/** The laws of a mesh, for ours and for yours. */
export function meshCompliance(name: string, factory: MeshFactory): void {
  describe(`mesh ${name}`, () => {
    let peers: MeshUnderTest[]
    let [a, b, c]: MeshUnderTest[] = []
    const off: (() => void)[] = []
    const listen = <K extends keyof MeshEvents>(
      peer: MeshUnderTest,
      type: K,
      listener: (event: MeshEvents[K]) => void
    ) => {
      off.push(peer.mesh.on(type, listener))
    }

    beforeAll(async () => {
      peers = await factory.create(3)
      ;[a, b, c] = peers
    })
    afterEach(() => {
      for (const remove of off.splice(0)) remove()
    })
    afterAll(async () => {
      await Promise.all(peers.map(({ mesh }) => mesh.close()))
    })

    describe('who is there', () => {
      it('names the others and not itself', () => {
        for (const { mesh } of peers) {
          const others = peers.map((peer) => peer.mesh.self).filter((id) => id !== mesh.self)
          expect([...mesh.connected()].sort()).toEqual(others.sort())
        }
      })

      it('has addresses', async () => {
        const addresses = await a.mesh.addresses()
        expect(addresses.length).toBeGreaterThan(0)
        for (const address of addresses) expect(address).toContain(a.mesh.self)
      })

      it('refuses to dial where nobody is with `unreachable`', async () => {
        const [address] = await a.mesh.addresses()
        const nowhere = address
          .replace(/\/tcp\/\d+/, '/tcp/1')
          .replace(a.mesh.self, '12D3KooWGRUwC7nvyJh6j2sZ6Q3X7eUzYcZ9hV5R2p8n1YzQJ1aA')
        expect(await codeOf(c.mesh.dial(nowhere))).toBe('unreachable')
      })
    })

    describe('announcements', () => {
      it('reach every other peer, each once, and say who sent them', async () => {
        const seen = new Map(peers.map(({ mesh }) => [mesh.self, [] as string[]]))
        const count = 20
        const all = new Promise<void>((resolve) => {
          for (const peer of peers) {
            listen(peer, 'message', ({ from, payload }) => {
              seen.get(peer.mesh.self)?.push(`${from} ${text(payload)}`)
              const others = [...seen.values()].slice(1)
              if (others.every((messages) => messages.length >= count)) resolve()
            })
          }
        })
        const expected = Array.from({ length: count }, (_, i) => `${a.mesh.self} message ${i}`)
        for (let i = 0; i < count; i++) await a.mesh.announce(bytes(`message ${i}`))
        await all
        // whatever would come twice comes before the answer to a later question
        await Promise.all([b, c].map((peer) => roundTrip(a, peer, listen)))
        expect(seen.get(a.mesh.self)).toEqual([])
        for (const peer of [b, c]) expect(seen.get(peer.mesh.self)?.sort()).toEqual(expected.sort())
      })

      it('carry up to the limit and no more', async () => {
        const whole = new Uint8Array(CONTROL_LIMIT).map((_, i) => i)
        const arrived = new Promise<Uint8Array>((resolve) => listen(b, 'message', ({ payload }) => resolve(payload)))
        await a.mesh.announce(whole)
        expect(Buffer.compare(await arrived, whole)).toBe(0)
        expect(await codeOf(a.mesh.announce(new Uint8Array(CONTROL_LIMIT + 1)))).toBe('argument')
      })

      it('are evidence in the hands of whom they reach, and of whom these show them to', async () => {
        const arrived = new Promise<Uint8Array>((resolve) => listen(b, 'message', ({ envelope }) => resolve(envelope)))
        await a.mesh.announce(bytes('I said so'))
        const envelope = await arrived
        for (const { mesh } of [b, c]) {
          const { from, payload } = mesh.open(envelope)
          expect([from, text(payload)]).toEqual([a.mesh.self, 'I said so'])
        }
        const changed = envelope.slice()
        changed[Math.max(0, changed.length - 70)] ^= 1
        for (const forged of [changed, envelope.subarray(1), bytes('I said so'), new Uint8Array(0)])
          expect(() => b.mesh.open(forged)).toThrow(expect.objectContaining({ code: 'corrupt' }))
      })
    })

    describe('beats', () => {
      it('reach every other peer and say who sent them', async () => {
        const own: string[] = []
        listen(a, 'beat', ({ from }) => own.push(from))
        const heard = [b, c].map((peer) => nextBeat(a, peer, listen))
        a.mesh.beat(bytes('alive'))
        for (const { from, payload } of await Promise.all(heard)) {
          expect(from).toBe(a.mesh.self)
          expect(text(payload)).toBe('alive')
        }
        expect(own).toEqual([])
      })

      it('carry up to the limit and no more', async () => {
        const whole = new Uint8Array(BEAT_LIMIT).map((_, i) => 255 - i)
        for (const payload of [whole, new Uint8Array(0)]) {
          const heard = nextBeat(a, b, listen)
          a.mesh.beat(payload)
          expect(Buffer.compare((await heard).payload, payload)).toBe(0)
        }
        expect(await codeOf((async () => a.mesh.beat(new Uint8Array(BEAT_LIMIT + 1)))())).toBe('argument')
      })

      it('are counted as control on both ends of the link', async () => {
        const counted = () => [linkOf(b, c)?.controlBytesSent ?? 0, linkOf(c, b)?.controlBytesReceived ?? 0]
        const before = counted()
        const heard = nextBeat(b, c, listen)
        b.mesh.beat(new Uint8Array(50))
        await heard
        await Promise.all([b, c].map(({ mesh }) => mesh.addresses()))
        for (const [end, bytes] of counted().entries()) {
          expect(bytes - before[end]).toBeGreaterThanOrEqual(50)
          expect(bytes - before[end]).toBeLessThan(60)
        }
      })

      it('of strangers are not heard, and strangers hear none', async () => {
        const stranger = await factory.stranger()
        const heard: string[] = []
        for (const { mesh } of [...peers, { mesh: stranger }]) {
          off.push(mesh.on('beat', ({ from, payload }) => heard.push(`${from} ${text(payload)} at ${mesh.self}`)))
        }
        stranger.beat(bytes('as a stranger'))
        a.mesh.beat(bytes('as a peer'))
        // whatever the beats did has happened before the answers to later questions
        await stranger.request(a.mesh.self, bytes('?'), { deadline: SOON }).catch(() => undefined)
        await Promise.all([b, c].map((peer) => roundTrip(a, peer, listen)))
        const expected = [b, c].map(({ mesh }) => `${a.mesh.self} as a peer at ${mesh.self}`)
        expect(heard.filter((beat) => beat.includes(' as a ')).sort()).toEqual(expected.sort())
        await stranger.close()
      })
    })

    describe('what one is told', () => {
      const told = (from: MeshUnderTest, to: MeshUnderTest, count: number) =>
        new Promise<string[]>((resolve) => {
          const heard: string[] = []
          listen(to, 'told', (event) => {
            if (event.from === from.mesh.self && heard.push(text(event.payload)) === count) resolve(heard)
          })
        })

      it('comes in order and to nobody else', async () => {
        const others: string[] = []
        for (const peer of [a, c]) listen(peer, 'told', ({ payload }) => others.push(text(payload)))
        const words = Array.from({ length: 50 }, (_, index) => `word ${index}`)
        const heard = told(a, b, words.length)
        for (const word of words) a.mesh.tell(b.mesh.self, bytes(word))
        expect(await heard).toEqual(words)
        await roundTrip(a, c, listen)
        expect(others).toEqual([])
      })

      it('has up to the limit and no more', async () => {
        const whole = 'x'.repeat(TELL_LIMIT)
        const heard = told(b, c, 2)
        for (const word of [whole, '']) b.mesh.tell(c.mesh.self, bytes(word))
        expect(await heard).toEqual([whole, ''])
        expect(await codeOf((async () => b.mesh.tell(c.mesh.self, bytes(`${whole}x`)))())).toBe('argument')
      })

      it('is counted as control on both ends of the link', async () => {
        const counted = () => [linkOf(c, a)?.controlBytesSent ?? 0, linkOf(a, c)?.controlBytesReceived ?? 0]
        const before = counted()
        const heard = told(c, a, 1)
        c.mesh.tell(a.mesh.self, bytes('x'.repeat(500)))
        await heard
        await Promise.all([a, c].map(({ mesh }) => mesh.addresses()))
        for (const [end, sum] of counted().entries()) {
          expect(sum - before[end]).toBeGreaterThanOrEqual(500)
          expect(sum - before[end]).toBeLessThan(600)
        }
      })

      it('is lost on one that is not there', () => {
        expect(() => a.mesh.tell('nobody', bytes('word'))).not.toThrow()
      })
    })

    describe('requests', () => {
      it('are answered, each with its own answer', async () => {
        listen(b, 'request', (request) => {
          expect(request.from).toBe(a.mesh.self)
          request.respond(bytes(`answer to ${text(request.payload)}`))
        })
        const questions = Array.from({ length: 16 }, (_, i) => `question ${i}`)
        const answers = await Promise.all(
          questions.map((question) => a.mesh.request(b.mesh.self, bytes(question), { deadline: LATE }))
        )
        expect(answers.map(text)).toEqual(questions.map((question) => `answer to ${question}`))
      })

      it('are refused with the error that the other side gave', async () => {
        listen(b, 'request', ({ refuse }) =>
          refuse(new PeergradError('quorum', 'too few of us', { here: 2, field: 'lr' }))
        )
        const error = await failure(a.mesh.request(b.mesh.self, bytes('?'), { deadline: LATE }))
        expect(error).toBeInstanceOf(PeergradError)
        expect(error).toMatchObject({ code: 'quorum', message: 'too few of us', data: { here: 2, field: 'lr' } })
      })

      it('end with `timeout` when nobody answers', async () => {
        expect(await codeOf(a.mesh.request(b.mesh.self, bytes('?'), { deadline: SOON }))).toBe('timeout')
      })

      it('end with `aborted` when they are given up', async () => {
        const giveUp = new AbortController()
        listen(b, 'request', () => giveUp.abort())
        const asked = a.mesh.request(b.mesh.self, bytes('?'), { deadline: LATE, signal: giveUp.signal })
        expect(await codeOf(asked)).toBe('aborted')
      })

      it('end with `unreachable` for a peer that nobody knows', async () => {
        const nobody = '12D3KooWGRUwC7nvyJh6j2sZ6Q3X7eUzYcZ9hV5R2p8n1YzQJ1aA'
        expect(await codeOf(a.mesh.request(nobody, bytes('?'), { deadline: LATE }))).toBe('unreachable')
      })

      it('are bounded', async () => {
        expect(await codeOf(a.mesh.request(b.mesh.self, new Uint8Array(CONTROL_LIMIT + 1), { deadline: LATE }))).toBe(
          'argument'
        )
      })
    })

    describe('tensors', () => {
      /** What a mesh is told may take effect in another thread: it has, once the mesh has answered a later question. */
      const told = (...meshes: MeshUnderTest[]) => Promise.all(meshes.map(({ mesh }) => mesh.addresses()))
      const pull = (from: MeshUnderTest[], by: MeshUnderTest, digest: string, into: Vector, signal?: AbortSignal) =>
        by.mesh.fetch({
          digest,
          bytes: into.byteLength,
          from: from.map(({ mesh }) => mesh.self),
          into,
          deadline: LATE,
          ...(signal === undefined ? {} : { signal })
        })

      it('arrive bit for bit, whatever their length', async () => {
        a.mesh.admit([b.mesh.self])
        for (const length of [1, 2, 1023, 1024, 1025, 65_537, 300_001]) {
          const vector = randomBits(a.arena, length)
          const digest = digestOf(vector)
          const into = b.arena.allocate(length).fill(-1)
          a.mesh.serve(digest, vector)
          await told(a)
          const report = await pull([a], b, digest, into)
          expect(report.from).toBe(a.mesh.self)
          expect(digestOf(into), `length ${length}`).toBe(digest)
          await a.mesh.unserve(digest)
          a.arena.free(vector)
          b.arena.free(into)
        }
      })

      it('are asked of the next holder when one has nothing', async () => {
        for (const peer of [a, c]) peer.mesh.admit([b.mesh.self])
        const vector = randomBits(c.arena, 5000)
        const digest = digestOf(vector)
        const into = b.arena.allocate(5000)
        c.mesh.serve(digest, vector)
        await told(a, c)
        expect((await pull([a, c], b, digest, into)).from).toBe(c.mesh.self)
        expect(digestOf(into)).toBe(digest)
        await c.mesh.unserve(digest)
      })

      it('are `missing` when nobody serves them', async () => {
        a.mesh.admit([b.mesh.self])
        await told(a)
        expect(await codeOf(pull([a], b, '0'.repeat(64), b.arena.allocate(10)))).toBe('missing')
      })

      it('are `refused` to whom the holder does not admit', async () => {
        const vector = randomBits(a.arena, 100)
        a.mesh.serve(digestOf(vector), vector)
        a.mesh.admit([c.mesh.self])
        await told(a)
        expect(await codeOf(pull([a], b, digestOf(vector), b.arena.allocate(100)))).toBe('refused')
        a.mesh.admit([c.mesh.self, b.mesh.self])
        await told(a)
        await pull([a], b, digestOf(vector), b.arena.allocate(100))
        await a.mesh.unserve(digestOf(vector))
      })

      it('of another length than announced are `corrupt`', async () => {
        const vector = randomBits(a.arena, 2000)
        a.mesh.serve(digestOf(vector), vector)
        a.mesh.admit([c.mesh.self])
        await told(a)
        for (const length of [1999, 2001]) {
          expect(await codeOf(pull([a], c, digestOf(vector), c.arena.allocate(length)))).toBe('corrupt')
        }
        await a.mesh.unserve(digestOf(vector))
      })

      it('end with `aborted` when they are given up', async () => {
        a.mesh.admit([b.mesh.self])
        const given = AbortSignal.abort()
        expect(await codeOf(pull([a], b, '0'.repeat(64), b.arena.allocate(10), given))).toBe('aborted')
        const vector = randomBits(a.arena, 2_000_000)
        const digest = digestOf(vector)
        a.mesh.serve(digest, vector)
        await told(a)
        const giveUp = new AbortController()
        const pulled = pull([a], b, digest, b.arena.allocate(2_000_000), giveUp.signal)
        giveUp.abort()
        expect(await codeOf(pulled)).toBe('aborted')
        // nobody reads it any more, so this resolves
        await a.mesh.unserve(digest)
      })

      it('stay unchanged until unserve resolves, and are gone after it', async () => {
        a.mesh.admit([b.mesh.self])
        const length = 400_000
        const into = b.arena.allocate(length)
        for (let round = 0; round < 5; round++) {
          const vector = randomBits(a.arena, length)
          const digest = digestOf(vector)
          a.mesh.serve(digest, vector)
          await told(a)
          const pulled = pull([a], b, digest, into).then(() => 'arrived', codeOfError)
          await a.mesh.unserve(digest)
          vector.fill(0)
          const outcome = await pulled
          if (outcome === 'arrived') expect(digestOf(into)).toBe(digest)
          else expect(outcome).toBe('missing')
          expect(await codeOf(pull([a], b, digest, into))).toBe('missing')
          a.arena.free(vector)
        }
        await a.mesh.unserve('f'.repeat(64))
      })

      it('are told of at the holder, and counted on both ends of the link', async () => {
        b.mesh.admit([c.mesh.self])
        const vector = randomBits(b.arena, 30_000)
        const digest = digestOf(vector)
        const before = [linkOf(b, c)?.tensorBytesSent ?? 0, linkOf(c, b)?.tensorBytesReceived ?? 0]
        const served = new Promise<MeshEvents['served']>((resolve) => listen(b, 'served', resolve))
        b.mesh.serve(digest, vector)
        await told(b)
        await pull([b], c, digest, c.arena.allocate(30_000))
        expect(await served).toEqual({ peer: c.mesh.self, digest, bytes: 120_000 })
        expect((linkOf(b, c)?.tensorBytesSent ?? 0) - before[0]).toBe(120_000)
        expect((linkOf(c, b)?.tensorBytesReceived ?? 0) - before[1]).toBe(120_000)
        await b.mesh.unserve(digest)
      })

      describe('in parts', () => {
        const LENGTH = 300_001
        let whole: Vector
        let digest: string
        let into: Vector
        const part = (from: MeshUnderTest[], offset: number, length: number, of = whole.byteLength) =>
          c.mesh.fetch({
            digest,
            bytes: of,
            offset,
            from: from.map(({ mesh }) => mesh.self),
            into: into.subarray(offset / 4, offset / 4 + length),
            deadline: LATE
          })

        beforeAll(async () => {
          whole = randomBits(a.arena, LENGTH)
          digest = digestOf(whole)
          const copy = randomBits(b.arena, LENGTH)
          into = c.arena.allocate(LENGTH)
          for (const { mesh, vector } of [
            { mesh: a.mesh, vector: whole },
            { mesh: b.mesh, vector: copy }
          ]) {
            mesh.admit([c.mesh.self])
            mesh.serve(digest, vector)
          }
          await told(a, b)
        })
        beforeEach(() => {
          into.fill(-1)
        })
        afterAll(async () => {
          await Promise.all([a, b].map(({ mesh }) => mesh.unserve(digest)))
        })

        it('have the bytes of the whole at their place, and nothing else is touched', async () => {
          for (const [block, length] of [
            [0, 1],
            [0, 1024],
            [3, 4097],
            [17, 70_000],
            [292, LENGTH - 292 * 1024],
            [0, LENGTH]
          ] as const) {
            into.fill(-1)
            const served = new Promise<MeshEvents['served']>((resolve) => listen(a, 'served', resolve))
            const report = await part([a], block * 4096, length)
            expect(report.from).toBe(a.mesh.self)
            const expected = c.arena.allocate(LENGTH).fill(-1)
            expected.set(whole.subarray(block * 1024, block * 1024 + length), block * 1024)
            expect(digestOf(into), `${length} from block ${block} on`).toBe(digestOf(expected))
            expect(await served).toEqual({ peer: c.mesh.self, digest, bytes: length * 4 })
            c.arena.free(expected)
          }
        })

        it('of several holders at once make the whole', async () => {
          const middle = 150 * 1024
          await Promise.all([part([a], 0, middle), part([b], middle * 4, LENGTH - middle)])
          expect(digestOf(into)).toBe(digest)
        })

        it('that do not start at a block or do not lie inside of the whole are `argument`', async () => {
          for (const [offset, length] of [
            [4, 10],
            [2048, 10],
            [-4096, 10],
            [4096.5, 10],
            [4096, LENGTH - 1023],
            [293 * 4096, 10],
            [0, 0]
          ] as const) {
            const outside = c.mesh.fetch({
              digest,
              bytes: whole.byteLength,
              offset,
              from: [a.mesh.self],
              into: into.subarray(0, length),
              deadline: LATE
            })
            expect(await codeOf(outside), `${length} from byte ${offset} on`).toBe('argument')
          }
        })

        it('of a whole of another length than announced are `corrupt`', async () => {
          for (const length of [LENGTH - 1, LENGTH + 1]) {
            expect(await codeOf(part([b], 4096, 5000, length * 4))).toBe('corrupt')
          }
        })
      })
    })

    // the last ones, for one of the three is gone after them
    it('a peer that dies is missed by the others, at once', async () => {
      const missed = Promise.all(
        [a, b].map(
          (peer) => new Promise<string>((resolve) => listen(peer, 'disconnect', (event) => resolve(event.peer)))
        )
      )
      const dead = c.mesh.self
      const unanswered = codeOf(a.mesh.request(dead, bytes('?'), { deadline: LATE }))
      await c.kill()
      expect(await missed).toEqual([dead, dead])
      expect(await unanswered).toBe('unreachable')
      for (const { mesh } of [a, b]) expect(mesh.connected()).not.toContain(dead)
      expect(await codeOf(a.mesh.request(dead, bytes('?'), { deadline: LATE }))).toBe('unreachable')
      // nothing to send it to, and nothing to wait for
      a.mesh.beat(bytes('alive'))
    })

    it('a peer that comes back is the same as before: beats go to it and come from it', async () => {
      const { self } = c.mesh
      c = await c.comeBack()
      peers[2] = c
      expect(c.mesh.self).toBe(self)
      for (const [from, to] of [
        [a, c],
        [c, b]
      ] as const) {
        const heard = nextBeat(from, to, listen)
        from.mesh.beat(bytes('again'))
        expect((await heard).from).toBe(from.mesh.self)
      }
    })
  })
}

type Listen = <K extends keyof MeshEvents>(
  peer: MeshUnderTest,
  type: K,
  listener: (event: MeshEvents[K]) => void
) => void

const nextBeat = (from: MeshUnderTest, to: MeshUnderTest, listen: Listen) =>
  new Promise<MeshEvents['beat']>((resolve) =>
    listen(to, 'beat', (beat) => beat.from === from.mesh.self && resolve(beat))
  )

const linkOf = (of: MeshUnderTest, other: MeshUnderTest) => of.mesh.links().find(({ peer }) => peer === other.mesh.self)

async function roundTrip(from: MeshUnderTest, to: MeshUnderTest, listen: Listen): Promise<void> {
  listen(to, 'request', ({ respond, payload }) => respond(payload))
  await from.mesh.request(to.mesh.self, bytes('after'), { deadline: LATE })
}

/** NaNs with payloads and all: a transfer moves bits, not numbers. */
function randomBits(arena: Arena, length: number): Vector {
  const vector = arena.allocate(length)
  const words = new Uint32Array(vector.buffer, vector.byteOffset, length)
  let state = 0x9e3779b9 ^ length
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[i] = state
  }
  return vector
}

function digestOf(vector: Vector): string {
  return createHash('sha256')
    .update(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
    .digest('hex')
}

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)
const text = (value: Uint8Array): string => new TextDecoder().decode(value)
const codeOfError = (error: unknown): string =>
  error instanceof PeergradError ? error.code : `not ours: ${String(error)}`

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it resolved',
    (error: unknown) => error
  )
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(() => 'it resolved', codeOfError)
}
