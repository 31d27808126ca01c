import { Arena, BEAT_LIMIT, TELL_LIMIT } from '@peergrad/core'
import type { MeshEvents } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'
import type { NetworkMesh } from '@peergrad/peer'
import { multiaddr } from '@multiformats/multiaddr'
import type { Stream } from '@libp2p/interface'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadIdentity } from '../dist/network/identity.js'
import { Outlet } from '../dist/network/outlet.js'
import { connected, firstOf, hostilePeer, offences } from './network-hostile-peer.js'

const BEAT = '/peergrad/beat/2'
const TELL = '/peergrad/tell/1'
const HELLO = '/peergrad/hello/1'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-beats-'))
afterAll(() => rmSync(folder, { recursive: true }))

const framed = (payload: string) =>
  Buffer.concat([Uint8Array.of(payload.length >> 8, payload.length & 255), Buffer.from(payload)])

describe('an outlet', () => {
  function outletOn(writable: { writableNeedsDrain: boolean; writeBufferLength: number }, keeps = 1) {
    const sent: string[] = []
    const stream = Object.assign(new EventTarget(), writable, {
      status: 'open',
      remoteWriteStatus: 'writable',
      send: (frame: Uint8Array) => sent.push(Buffer.from(frame).toString()),
      abort: () => undefined
    })
    const outlet = new Outlet({
      keeps,
      open: async () => stream as unknown as Stream,
      sent: () => undefined,
      answered: () => undefined
    })
    return { outlet, stream, sent }
  }

  it.each([
    [1, ['three']],
    [2, ['two', 'three']],
    [9, ['one', 'two', 'three']]
  ])(
    'that keeps %i sends the newest ones in the very event that says that the stream takes more',
    async (keeps, kept) => {
      const { outlet, stream, sent } = outletOn({ writableNeedsDrain: true, writeBufferLength: 0 }, keeps)
      for (const beat of ['one', 'two', 'three']) outlet.send(Buffer.from(beat))
      await turn()
      expect(sent).toEqual([])
      stream.writableNeedsDrain = false
      stream.dispatchEvent(new Event('drain'))
      expect(sent).toEqual(kept)
      await turn()
      expect(sent).toEqual(kept)
    }
  )

  it('waits for what is left of the last one', async () => {
    const { outlet, stream, sent } = outletOn({ writableNeedsDrain: false, writeBufferLength: 10 })
    outlet.send(Buffer.from('next'))
    await turn()
    expect(sent).toEqual([])
    queueMicrotask(() => (stream.writeBufferLength = 0))
    stream.dispatchEvent(new Event('drain'))
    expect(sent).toEqual([])
    await turn()
    expect(sent).toEqual(['next'])
  })
})

describe('beats', () => {
  let victim: NetworkMesh
  let liar: Awaited<ReturnType<typeof hostilePeer>>
  let heard: string[]
  let count = 0
  const log = offences()

  beforeAll(async () => {
    victim = await createNetworkMesh({
      identityFile: join(folder, 'victim'),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topic: 'hostile',
      memory: Arena.create({ bytes: 1 << 20 }).memory,
      logger: log.logger
    })
    victim.on('beat', ({ from, payload }) => from === liar.self && heard.push(Buffer.from(payload).toString()))
  })
  afterAll(() => victim.close())

  // a new identity for each test: what one did is not held against the next
  beforeEach(async () => {
    liar = await hostilePeer(await loadIdentity(join(folder, `liar-${count++}`)))
    heard = []
  })
  afterEach(async () => {
    await liar.node.stop()
  })

  /** Both are members for each other from then on. */
  const meet = async () => {
    const met = connected(victim, liar.self)
    await victim.dial(liar.address)
    await met
  }
  const connectionTo = async () => liar.node.dial(multiaddr(firstOf(await victim.addresses())))
  const beaten = (payload: string) =>
    new Promise<void>((resolve) => {
      const off = victim.on('beat', (beat: MeshEvents['beat']) => {
        if (Buffer.from(beat.payload).toString() !== payload) return
        off()
        resolve()
      })
    })
  const offencesOfLiar = () => log.all.filter((entry) => entry.startsWith(liar.self))

  describe('that come', () => {
    it('in pieces, or several at once, are heard whole', async () => {
      await meet()
      const said = await liar.attack(await connectionTo(), BEAT)
      const last = beaten('last')
      for (const byte of framed('in pieces')) {
        said.send(Uint8Array.of(byte))
        // a round trip on the same connection: the byte went by itself
        await liar.node.services.ping.ping(multiaddr(firstOf(await victim.addresses())))
      }
      said.send(Buffer.concat(['two', '', 'at once', 'last'].map(framed)))
      await last
      expect(heard).toEqual(['in pieces', 'two', '', 'at once', 'last'])
      expect(offencesOfLiar()).toEqual([])
    })

    it('above the limit are reported, and the stream is cut', async () => {
      await meet()
      const said = await liar.attack(await connectionTo(), BEAT)
      said.send(Buffer.concat([framed('first'), framed('x'.repeat(BEAT_LIMIT + 1)), framed('after')]))
      await log.reported(`${liar.self} malformed`)
      expect(await said.next()).toEqual(Buffer.alloc(0))
      expect(heard).toEqual(['first'])
    })

    it.each([
      ['beat', BEAT, 500],
      ['told', TELL, 5000]
    ] as const)(
      'without end are dropped, and in the end their sender is refused for the session: %s',
      async (type, protocol, most) => {
        await meet()
        const connection = await connectionTo()
        let open = true
        let count = 0
        const off = victim.on(type, ({ from }) => from === liar.self && (count += 1))
        void once(connection, 'close').then(() => (open = false))
        const said = await liar.attack(connection, protocol)
        const many = Buffer.concat(Array.from({ length: 1000 }, () => framed('flood')))
        while (open) {
          said.send(many)
          await turn()
        }
        await log.reported(`${liar.self} flood`, 9)
        off()
        expect(count).toBeLessThan(most)
      }
    )

    it('on one stream after the other are no way around', async () => {
      await meet()
      const connection = await connectionTo()
      let open = true
      void once(connection, 'close').then(() => (open = false))
      const many = Buffer.concat(Array.from({ length: 100 }, () => framed('flood')))
      while (open) {
        await turn()
        await liar.attack(connection, BEAT).then(
          async ({ send, end, next }) => {
            send(many)
            end()
            await next()
          },
          () => undefined
        )
      }
      await log.reported(`${liar.self} flood`, 9)
    })

    it('from one that said no hello are not heard', async () => {
      await liar.node.unhandle(HELLO)
      const said = await liar.attack(await connectionTo(), BEAT)
      said.send(framed('let me in'))
      await liar.node.services.ping.ping(multiaddr(firstOf(await victim.addresses())))
      said.send(framed('x'.repeat(BEAT_LIMIT + 1)))
      await log.reported(`${liar.self} malformed`)
      expect(heard).toEqual([])
    })
  })

  describe('that go', () => {
    /** Streams on which the liar is beaten to, as they come. */
    const beatStreams = (behave: (stream: Stream) => void) => liar.node.handle(BEAT, (stream) => behave(stream))
    /** Bytes of beats that the victim has handed to the liar's stream. */
    const sent = async () => {
      // answered behind the beats that the network thread was told to send
      await victim.addresses()
      return victim.links().find(({ peer }) => peer === liar.self)?.controlBytesSent ?? 0
    }

    it('to one that does not read them are not kept, but for the newest', async () => {
      const streams: Stream[] = []
      const opened = new Promise<void>((resolve) => {
        void beatStreams((stream) => {
          stream.pause()
          streams.push(stream)
          resolve()
        })
      })
      await meet()
      await opened
      const before = await sent()
      const payload = new Uint8Array(BEAT_LIMIT)
      const bytes = 2 + BEAT_LIMIT
      const window = 256 * 1024
      for (let i = 0; i < (2 * window) / bytes; i++) {
        victim.beat(payload)
        if (i % 500 === 0) await victim.addresses()
      }
      const stuck = await sent()
      expect(stuck - before).toBeGreaterThan(window / 2)
      expect(stuck - before).toBeLessThanOrEqual(window + bytes)
      victim.beat(Buffer.from('newest'))
      const newest = new Promise<void>((resolve) => {
        let tail = ''
        streams[0]?.addEventListener('message', ({ data }) => {
          tail = (tail + Buffer.from(data.subarray()).toString('latin1')).slice(-7)
          if (tail === '\u0006newest') resolve()
        })
      })
      streams[0]?.resume()
      await newest
      expect(offencesOfLiar()).toEqual([])
    })

    it.each<[string, (stream: Stream) => void]>([
      ['resets its stream', (stream) => stream.abort(new Error('hostile'))],
      ['ends its stream at once', (stream) => void stream.close().catch(() => undefined)]
    ])('to one that %s go on another one', async (_, behave) => {
      let streams = 0
      const heardThere = new Promise<string>((resolve) => {
        void beatStreams((stream) => {
          streams += 1
          if (streams < 3) return behave(stream)
          stream.addEventListener('message', ({ data }) => resolve(Buffer.from(data.subarray()).toString()))
        })
      })
      await meet()
      let there = false
      void heardThere.then(() => (there = true))
      while (!there) {
        victim.beat(Buffer.from('again'))
        await liar.node.services.ping.ping(multiaddr(firstOf(await victim.addresses())))
      }
      expect(await heardThere).toBe('\u0000\u0005again')
    })

    it('to one that answers are reported: there is nothing to say', async () => {
      await beatStreams((stream) => void stream.send(Uint8Array.of(1)))
      await meet()
      await log.reported(`${liar.self} malformed`)
    })
  })

  describe('beside them', () => {
    it('what one is told is heard whole up to its limit, and reported above', async () => {
      await meet()
      const told: number[] = []
      const off = victim.on('told', ({ from, payload }) => from === liar.self && told.push(payload.byteLength))
      const said = await liar.attack(await connectionTo(), TELL)
      said.send(Buffer.concat([0, 300, TELL_LIMIT, TELL_LIMIT + 1, 1].map((length) => framed('x'.repeat(length)))))
      await log.reported(`${liar.self} malformed`)
      off()
      expect(told).toEqual([0, 300, TELL_LIMIT])
    })
  })
})
