import {
  Arena,
  encodeTensorHeader,
  encodeTensorMark,
  encodeTensorRequest,
  PeergradError,
  TENSOR_END
} from '@peergrad/core'
import type { TensorHeader, Vector } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'
import type { NetworkMesh } from '@peergrad/peer'
import { generateCertificate } from '@libp2p/tls/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sealEnvelope } from '../dist/network/envelope.js'
import { FastLane } from '../dist/network/fast-lane.js'
import { encodeFrame } from '../dist/network/frames.js'
import { loadIdentity } from '../dist/network/identity.js'
import type { Identity } from '../dist/network/identity.js'
import { connected, firstOf, hostilePeer, offences, TOPIC } from './network-hostile-peer.js'

const TENSOR = '/peergrad/tensor/1'
const REQUEST = '/peergrad/request/1'
const HELLO = '/peergrad/hello/1'
const LENGTH = 100_000
const DIGEST = 'ab'.repeat(32)
const HEADER: TensorHeader = { status: 'ok', dtype: 'f32', digest: DIGEST, offset: 0, count: LENGTH, total: LENGTH }
const END = encodeTensorMark(TENSOR_END)

const folder = mkdtempSync(join(tmpdir(), 'peergrad-hostile-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A flood is as fast as the machine: a busy one takes its time to be too fast. */
const FLOOD = { timeout: 120_000 }

describe('hostile peers', () => {
  let arena: Arena
  let victim: NetworkMesh
  let honest: NetworkMesh
  let identity: Identity
  let liar: Awaited<ReturnType<typeof hostilePeer>>
  let into: Vector
  let count = 0
  const log = offences()
  const truth = () => Buffer.alloc(LENGTH * 4, 7)

  beforeAll(async () => {
    arena = Arena.create({ bytes: 16 << 20 })
    const common = { listen: ['/ip4/127.0.0.1/tcp/0'], topic: 'hostile', memory: arena.memory }
    victim = await createNetworkMesh({ ...common, identityFile: join(folder, 'victim'), logger: log.logger })
    honest = await createNetworkMesh({ ...common, identityFile: join(folder, 'honest') })
    const met = connected(victim, honest.self)
    await honest.dial(firstOf(await victim.addresses()))
    await met
    honest.admit([victim.self])
    const vector = arena.allocate(LENGTH)
    new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength).set(truth())
    honest.serve(DIGEST, vector)
    into = arena.allocate(LENGTH)
  })
  afterAll(async () => {
    await Promise.all([victim.close(), honest.close()])
  })

  // a new identity for each test: what one did is not held against the next
  beforeEach(async () => {
    identity = await loadIdentity(join(folder, `liar-${count++}`))
    liar = await hostilePeer(identity)
    into.fill(-1)
  })
  afterEach(async () => {
    await liar.node.stop()
    // alive, and as good as before; on a starved machine a flood may have cost the link, which comes back by itself
    await connected(victim, honest.self)
    await fetch([honest.self])
    expect(bytesOf(into).equals(truth())).toBe(true)
  })

  /** The first of them announced it. */
  const fetch = (from: string[], deadline = 20_000) =>
    victim.fetch({ digest: DIGEST, bytes: LENGTH * 4, announcer: from[0], from, into, deadline })
  const fetchPart = (start: number, length: number) =>
    victim.fetch({
      digest: DIGEST,
      bytes: LENGTH * 4,
      offset: start * 4,
      from: [liar.self],
      into: into.subarray(start, start + length),
      deadline: 20_000
    })
  const meet = () => victim.dial(liar.address)
  const connectionTo = async () => liar.node.dial(multiaddr(firstOf(await victim.addresses())))

  describe('that send tensors', () => {
    it.each<[string, string, (send: (bytes: Uint8Array) => void, end: () => void) => void]>([
      ['garbage for a header', 'malformed', (send) => send(randomBytes(64))],
      ['a header that contradicts itself', 'malformed', (send) => send(encodeTensorHeader(HEADER).fill(9, 24, 32))],
      ['another tensor', 'malformed', (send) => send(encodeTensorHeader({ ...HEADER, digest: 'cd'.repeat(32) }))],
      [
        'an element too few',
        'wrong-length',
        (send) => send(encodeTensorHeader({ ...HEADER, count: LENGTH - 1, total: LENGTH - 1 }))
      ],
      ['a terabyte', 'wrong-length', (send) => send(encodeTensorHeader({ ...HEADER, count: 2 ** 30, total: 2 ** 30 }))],
      [
        'half of it and end',
        'wrong-length',
        (send, end) => {
          send(encodeTensorHeader(HEADER))
          send(truth().subarray(LENGTH * 2))
          end()
        }
      ],
      [
        'more than was promised',
        'oversize',
        (send) => {
          send(encodeTensorHeader(HEADER))
          send(truth())
          send(Buffer.alloc(4096, 1))
        }
      ],
      [
        'more and more without end',
        'oversize',
        (send) => {
          send(encodeTensorHeader(HEADER))
          send(truth())
          for (let i = 0; i < 40; i++) send(Buffer.alloc(100_000, 1))
        }
      ]
    ])('%s: `corrupt`, and %s is reported', async (_, offence, lie) => {
      await liar.answer(TENSOR, async ({ next, send, end }) => {
        await next()
        lie(send, end)
      })
      await meet()
      expect(await codeOf(fetch([liar.self]))).toBe('corrupt')
      await log.reported(`${liar.self} ${offence}`)
    })

    it('and stall are cut in time for another, and not reported: an honest link may be slow', async () => {
      await liar.answer(TENSOR, async ({ next, send }) => {
        await next()
        send(encodeTensorHeader(HEADER))
        send(Buffer.alloc(10))
      })
      await meet()
      expect(await codeOf(fetch([liar.self], 2000))).toBe('timeout')
      const started = performance.now()
      expect((await fetch([liar.self, honest.self], 4000)).from).toBe(honest.self)
      expect(performance.now() - started).toBeLessThan(4000)
      expect(log.all.filter((entry) => entry.startsWith(liar.self))).toEqual([])
    })

    it('never outlive the deadline', async () => {
      let over = false
      await liar.answer(TENSOR, async ({ next, send }) => {
        await next()
        send(encodeTensorHeader(HEADER))
        const drip = () => {
          send(Buffer.alloc(1))
          if (!over) setImmediate(drip)
        }
        drip()
      })
      await meet()
      // fast enough for the pace, were the window not shorter than the deadline
      expect(await codeOf(fetch([liar.self], 300))).toBe('timeout')
      over = true
    })

    it('and lie are followed by the next holder, whose bytes alone are kept', async () => {
      await liar.answer(TENSOR, async ({ next, send, end }) => {
        await next()
        send(encodeTensorHeader(HEADER))
        send(Buffer.alloc(LENGTH * 2, 0x66))
        end()
      })
      await meet()
      expect(await fetch([liar.self, honest.self])).toMatchObject({ from: honest.self })
      expect(bytesOf(into).equals(truth())).toBe(true)
    })

    it('of which they announced another length cost their holders nothing', async () => {
      await liar.answer(TENSOR, async ({ next, send }) => {
        await next()
        send(encodeTensorHeader({ status: 'missing' }))
      })
      await meet()
      const part = into.subarray(0, LENGTH - 1024)
      const announced = { digest: DIGEST, bytes: part.byteLength, announcer: liar.self, into: part, deadline: 20_000 }
      for (let i = 0; i < 4; i++) {
        expect(await codeOf(victim.fetch({ ...announced, from: [liar.self, honest.self] }))).toBe('corrupt')
      }
      expect(log.all.filter((entry) => entry.startsWith(honest.self))).toEqual([])
      expect(victim.connected()).toContain(honest.self)
    })

    it('and break are resumed at a whole block', async () => {
      const offsets: number[] = []
      await liar.answer(TENSOR, async ({ next, send, reset }) => {
        const offset = (await next()).readUInt32LE(8)
        offsets.push(offset)
        send(encodeTensorHeader({ ...HEADER, offset, count: LENGTH - offset }))
        const rest = truth().subarray(offset * 4)
        if (offsets.length > 2) {
          send(rest)
          send(END)
          await next()
          return
        }
        send(rest.subarray(0, 50_001))
        // a round trip on the same connection: the bytes are there before the reset
        await liar.node.services.ping.ping(multiaddr(firstOf(await victim.addresses())))
        reset()
      })
      await meet()
      expect(await fetch([liar.self])).toMatchObject({ from: liar.self, lane: 'stream' })
      expect(offsets).toEqual([0, 12 * 1024, 24 * 1024])
      expect(bytesOf(into).equals(truth())).toBe(true)
    })

    it('and break inside of a part are resumed there', async () => {
      const [start, length] = [10 * 1024, 30_000]
      const asked: [number, number][] = []
      await liar.answer(TENSOR, async ({ next, send, reset }) => {
        const request = await next()
        const offset = request.readUInt32LE(8)
        const count = request.readUInt32LE(12)
        asked.push([offset, count])
        send(encodeTensorHeader({ ...HEADER, offset, count }))
        const part = truth().subarray(offset * 4, (offset + count) * 4)
        if (asked.length === 2) {
          send(part)
          send(END)
          await next()
          return
        }
        send(part.subarray(0, 50_001))
        await liar.node.services.ping.ping(multiaddr(firstOf(await victim.addresses())))
        reset()
      })
      await meet()
      expect(await fetchPart(start, length)).toMatchObject({ from: liar.self })
      expect(asked).toEqual([
        [start, length],
        [start + 12 * 1024, length - 12 * 1024]
      ])
      const expected = Buffer.from(new Float32Array(LENGTH).fill(-1).buffer)
      truth().copy(expected, start * 4, start * 4, (start + length) * 4)
      expect(bytesOf(into).equals(expected)).toBe(true)
    })

    it('and break before the end mark are asked for the last block again', async () => {
      const [start, length] = [10 * 1024, 3 * 1024]
      const asked: [number, number][] = []
      await liar.answer(TENSOR, async ({ next, send, reset }) => {
        const request = await next()
        const [offset, count] = [request.readUInt32LE(8), request.readUInt32LE(12)]
        asked.push([offset, count])
        send(encodeTensorHeader({ ...HEADER, offset, count: count || LENGTH - offset }))
        send(truth().subarray(offset * 4, (offset + count) * 4))
        if (asked.length === 2) {
          send(END)
          await next()
          return
        }
        await liar.node.services.ping.ping(multiaddr(firstOf(await victim.addresses())))
        reset()
      })
      await meet()
      expect(await fetchPart(start, length)).toMatchObject({ from: liar.self })
      expect(asked).toEqual([
        [start, length],
        [start + 2048, 1024]
      ])
      expect(log.all.filter((entry) => entry.startsWith(liar.self))).toEqual([])
    })

    it.each([
      ['the whole', { offset: 0, count: LENGTH }],
      ['another part', { offset: 3 * 1024, count: 2000 }],
      ['a longer part', { offset: 2 * 1024, count: 2001 }],
      ['a shorter part', { offset: 2 * 1024, count: 1999 }]
    ])('%s when a part was wanted: `corrupt`, and malformed is reported', async (_, extent) => {
      await liar.answer(TENSOR, async ({ next, send }) => {
        await next()
        send(encodeTensorHeader({ ...HEADER, ...extent }))
      })
      await meet()
      expect(await codeOf(fetchPart(2 * 1024, 2000))).toBe('corrupt')
      await log.reported(`${liar.self} malformed`)
    })

    it('and break without a byte are `unreachable`', async () => {
      await liar.answer(TENSOR, ({ reset }) => reset())
      await meet()
      expect(await codeOf(fetch([liar.self]))).toBe('unreachable')
    })
  })

  describe('that ask', () => {
    it('for tensors in garbage are reported', async () => {
      victim.admit([liar.self])
      const asked = await liar.attack(await connectionTo(), TENSOR)
      asked.send(randomBytes(48))
      await log.reported(`${liar.self} malformed`)
    })

    it.each([
      [2048, 0],
      [1024, 1025],
      [0, 2049]
    ])('for what is behind the end are reported: %i, %i', async (offset, count) => {
      victim.admit([liar.self])
      const served = arena.allocate(2048)
      victim.serve('12'.repeat(32), served)
      const asked = await liar.attack(await connectionTo(), TENSOR)
      asked.send(encodeTensorRequest({ digest: '12'.repeat(32), offset, count }))
      await log.reported(`${liar.self} malformed`)
      await victim.unserve('12'.repeat(32))
      arena.free(served)
    })

    it('without being admitted hear a refusal, whatever they send', async () => {
      victim.admit([honest.self])
      const asked = await liar.attack(await connectionTo(), TENSOR)
      asked.send(randomBytes(1_000_000))
      const answer = await asked.next()
      expect([...answer.subarray(0, 8)]).toEqual([...encodeTensorHeader({ status: 'refused' }).subarray(0, 8)])
      asked.reset()
      expect(log.all.filter((entry) => entry.startsWith(liar.self))).toEqual([])
    })

    it('in garbage, in frames that are too long, in the name of another, or of the wrong peer are reported', async () => {
      const connection = await connectionTo()
      const stranger = await loadIdentity(join(folder, 'stranger'))
      const content = { kind: 'request', topic: TOPIC, sequence: 1, payload: Buffer.from('x') } as const
      const lies = [
        Buffer.from([255, 255, 255, 127]),
        encodeFrame(randomBytes(300)),
        encodeFrame(sealEnvelope({ ...content, to: victim.self }, stranger)),
        encodeFrame(sealEnvelope({ ...content, to: honest.self }, identity))
      ]
      let asked = 0
      const off = victim.on('request', () => asked++)
      for (const [i, lie] of lies.entries()) {
        const stream = await liar.attack(connection, REQUEST)
        stream.send(lie)
        await log.reported(`${liar.self} malformed`, i + 1)
      }
      // four times is once too often
      if (connection.status === 'open') await once(connection, 'close')
      expect(asked).toBe(0)
      off()
    })

    it('and answer requests with lies are `corrupt`', async () => {
      const stranger = await loadIdentity(join(folder, 'stranger'))
      const lies = [
        (sequence: number) =>
          sealEnvelope(
            { kind: 'response', to: victim.self, topic: TOPIC, sequence, payload: Buffer.alloc(1) },
            stranger
          ),
        (sequence: number) =>
          sealEnvelope(
            { kind: 'response', to: victim.self, topic: TOPIC, sequence: sequence + 1, payload: Buffer.alloc(1) },
            identity
          ),
        () => randomBytes(500)
      ]
      await meet()
      for (const lie of lies) {
        await liar.answer(REQUEST, async ({ next, send }) => {
          const question = await next()
          send(encodeFrame(lie(Number(question.readBigUInt64LE(12)))))
        })
        expect(await codeOf(victim.request(liar.self, Buffer.from('?'), { deadline: 10_000 }))).toBe('corrupt')
      }
      await log.reported(`${liar.self} malformed`, 3)
    })

    it('too often are dropped and in the end refused for the session', FLOOD, async () => {
      const connection = await connectionTo()
      const closed = once(connection, 'close')
      let open = true
      void closed.then(() => (open = false))
      while (open) {
        // a stream on a closed connection fails at once: without a turn the loop would never see that it closed
        await turn()
        await Promise.allSettled(
          Array.from({ length: 16 }, async () => (await liar.attack(connection, REQUEST)).reset())
        )
      }
      await log.reported(`${liar.self} flood`, 9)
      // the gater hangs up on it, now or when it says the first word
      expect(await codeOf(victim.dial(liar.address))).toBe('unreachable')
    })
  })

  describe('that gossip', () => {
    const publish = async (bytes: Uint8Array) => {
      const { recipients } = await liar.node.services.pubsub.publish(TOPIC, bytes)
      expect(recipients.map(String)).toContain(victim.self)
    }
    const announcement = (sequence: number, signer = identity) =>
      sealEnvelope({ kind: 'announcement', topic: TOPIC, sequence, payload: Buffer.from(`${sequence}`) }, signer)
    /** Each knows then that the other takes announcements. */
    const join = async () => {
      const met = connected(victim, liar.self)
      await meet()
      await met
      await liar.subscribed(victim.self)
    }

    it('garbage or forgeries are reported, and nothing is passed on', async () => {
      await join()
      const heard: string[] = []
      const off = honest.on('message', ({ payload }) => heard.push(Buffer.from(payload).toString()))
      const forged = announcement(5)
      forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
      for (const [i, lie] of [randomBytes(200), forged, randomBytes(200_000)].entries()) {
        await publish(lie)
        await log.reported(`${liar.self} malformed`, i + 1)
      }
      const last = new Promise<void>((resolve) =>
        honest.on('message', ({ payload }) => Buffer.from(payload).toString() === 'last' && resolve())
      )
      await victim.announce(Buffer.from('last'))
      await last
      expect(heard).toEqual(['last'])
      off()
    })

    it('the same number twice are heard once', async () => {
      await join()
      const heard: string[] = []
      const all = new Promise<void>((resolve) => {
        victim.on('message', ({ from, payload }) => {
          if (from === liar.self) heard.push(Buffer.from(payload).toString())
          if (heard.at(-1) === '11') resolve()
        })
      })
      const again = sealEnvelope(
        { kind: 'announcement', topic: TOPIC, sequence: 10, payload: Buffer.from('other') },
        identity
      )
      for (const bytes of [announcement(10), again, announcement(11)]) await publish(bytes)
      await all
      expect(heard).toEqual(['10', '11'])
    })

    it('without end are cut off', FLOOD, async () => {
      await join()
      let gone = false
      victim.on('disconnect', ({ peer }) => (gone ||= peer === liar.self))
      for (let sequence = 1; !gone; sequence++) {
        await liar.node.services.pubsub.publish(TOPIC, announcement(sequence))
        if (sequence % 50 === 0) await turn()
      }
      await log.reported(`${liar.self} flood`, 9)
    })
  })

  describe('that knock', () => {
    /** Port of the victim's fast lane, as it says in its hello. */
    const fastPort = async () => {
      const greeted = await liar.attack(await connectionTo(), HELLO)
      greeted.send(encodeFrame(Buffer.from(JSON.stringify({ topic: TOPIC, fastPort: 0, peers: [] }))))
      const answer = (await greeted.next()).subarray(4)
      return (JSON.parse(answer.toString()) as { fastPort: number }).fastPort
    }
    /** What comes back on a TLS socket until it closes, or the first bytes. */
    const knock = async (credentials: object, words: Uint8Array) => {
      const socket = connectTls({
        port: await fastPort(),
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ...credentials
      })
      const heard = new Promise<Buffer>((resolve) => {
        socket.on('error', () => undefined)
        socket.once('data', resolve)
        socket.on('close', () => resolve(Buffer.alloc(0)))
      })
      socket.write(words)
      const answer = await heard
      socket.destroy()
      return answer
    }

    it('on the fast lane without a certificate are hung up on', async () => {
      expect(await knock({}, randomBytes(48))).toEqual(Buffer.alloc(0))
    })

    it('on the fast lane without being admitted hear a refusal', async () => {
      victim.admit([honest.self])
      const answer = await knock(await generateCertificate(identity.libp2pKey), randomBytes(48))
      expect(Buffer.compare(answer, encodeTensorHeader({ status: 'refused' }))).toBe(0)
    })

    it('on the fast lane with garbage are reported', async () => {
      victim.admit([liar.self])
      expect(await knock(await generateCertificate(identity.libp2pKey), randomBytes(48))).toEqual(Buffer.alloc(0))
      await log.reported(`${liar.self} malformed`)
    })

    it('on the fast lane in the name of another are found out by the receiver', async () => {
      const lane = await FastLane.create(identity, () => undefined)
      const port = await lane.listen('127.0.0.1')
      await expect(lane.dial(honest.self, '127.0.0.1', port, AbortSignal.timeout(10_000))).rejects.toThrow(/peer/i)
      expect((await lane.dial(liar.self, '127.0.0.1', port, AbortSignal.timeout(10_000))).peer).toBe(liar.self)
      lane.close()
    })

    it('on the fast lane with plain garbage change nothing', async () => {
      const socket = connectTcp({ port: await fastPort(), host: '127.0.0.1' })
      const closed = new Promise((resolve) => socket.on('close', resolve))
      socket.on('error', () => undefined)
      socket.write(randomBytes(5000))
      socket.resume()
      await closed
    })

    it('with garbage on TCP or in the hello change nothing', async () => {
      const [, , host, , port] = firstOf(await victim.addresses()).split('/')
      for (const bytes of [
        randomBytes(10_000),
        Buffer.from('\u0013/multistream/1.0.0\n\u0007/noise\n'),
        Buffer.alloc(0)
      ]) {
        const socket = connectTcp({ host, port: Number(port) })
        const closed = new Promise((resolve) => socket.on('close', resolve))
        socket.on('error', () => undefined)
        socket.end(Buffer.concat([bytes, randomBytes(5000)]))
        socket.resume()
        await closed
      }
      const connection = await connectionTo()
      for (const bytes of [randomBytes(100), encodeFrame(Buffer.from('{"topic":1}')), Buffer.from([0, 0, 0, 127])]) {
        const greeted = await liar.attack(connection, HELLO)
        greeted.send(bytes)
        await greeted.next()
      }
    })
  })
})

const bytesOf = (vector: Vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'it resolved',
    (error: unknown) => (error instanceof PeergradError ? error.code : `not ours: ${String(error)}`)
  )
}
