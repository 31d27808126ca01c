import { Arena, CONTROL_LIMIT, encodeTensorRequest, PeergradError, type LinkStatistics } from '@peergrad/core'
import { createNetworkMesh, verifyEnvelope } from '@peergrad/peer'
import fc from 'fast-check'
import { generateKeyPairSync } from 'node:crypto'
import { getEventListeners, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from '@libp2p/interface'
import { generateCertificate } from '@libp2p/tls/utils'
import { peerIdFromString } from '@libp2p/peer-id'
import { dialable } from '../dist/network/addresses.js'
import { Contacts } from '../dist/network/contacts.js'
import { HELLO_PROTOCOL, Introductions } from '../dist/network/introductions.js'
import { Members } from '../dist/network/members.js'
import { createNode, type NetworkNode } from '../dist/network/node.js'
import { parseEnvelope, sealEnvelope, type Envelope } from '../dist/network/envelope.js'
import { FloodGuard } from '../dist/network/flood-guard.js'
import { BEATS } from '../dist/network/straight.js'
import { FrameSize } from '../dist/network/frame-size.js'
import { FastDialer } from '../dist/network/fast-dialer.js'
import { FastLane } from '../dist/network/fast-lane.js'
import { Gossip, type GossipInit } from '../dist/network/gossip.js'
import { loadIdentity, type Identity } from '../dist/network/identity.js'
import { LocalAddresses } from '../dist/network/reach/local-addresses.js'
import { Links } from '../dist/network/links.js'
import { keyOfPeerId, peerIdOfKey } from '../dist/network/peer-key.js'
import { decodeRefusal, encodeRefusal } from '../dist/network/refusal.js'
import { ReplayWindow, sequenceSource } from '../dist/network/replay-window.js'
import { Reputation } from '../dist/network/reputation.js'
import { Slots } from '../dist/network/slots.js'
import { TensorServer } from '../dist/network/tensor-server.js'
import { TokenBuckets } from '../dist/network/token-bucket.js'
import { Turns } from '../dist/network/turns.js'
import '../dist/network/with-resolvers.js'
import { orAborted } from '../dist/deferred.js'
import type { Lane, Wire } from '../dist/network/wire.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-network-parts-'))
afterAll(() => rmSync(folder, { recursive: true }))

function signer() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { publicKey: new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)), privateKey }
}

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return error instanceof PeergradError ? error.code : `not ours: ${String(error)}`
  }
  return 'nothing thrown'
}

const codeOfAsync = (work: Promise<unknown>) =>
  work.then(
    () => 'it resolved',
    (error: unknown) => (error instanceof PeergradError ? error.code : `not ours: ${String(error)}`)
  )

const nodeOf = async (name: string, listen: readonly string[]) =>
  createNode({
    identity: await loadIdentity(join(folder, name)),
    listen,
    bootstrap: [],
    mdns: false,
    topic: 't',
    transport: undefined,
    score: () => 0,
    denies: () => false,
    excluded: () => false,
    local: new LocalAddresses(),
    upnp: undefined,
    dht: false,
    relay: undefined
  })

it('a node turns nobody of the largest view away', async () => {
  const { components } = (await nodeOf('crowded', [])) as unknown as {
    components: { connectionManager: { getMaxConnections(): number } }
  }
  expect(components.connectionManager.getMaxConnections()).toBeGreaterThanOrEqual(2 * 1024)
})

it('in a run of 300 whoever greets a few peers hears of all, however late they came', async () => {
  const asked = await nodeOf('asked', ['/ip4/127.0.0.1/tcp/0'])
  const asking = await nodeOf('asking', [])
  await Promise.all([asked.start(), asking.start()])
  const run = Array.from({ length: 300 }, () => peerIdOfKey(signer().publicKey))
  for (const id of run)
    await asked.peerStore.merge(peerIdFromString(id), { multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')] })
  const all = [...run, asked.peerId.toString(), asking.peerId.toString()]
  const gossip = { subscribers: () => all, onSubscription: () => () => undefined } as unknown as Gossip
  const heard = new Set<string>()
  const introductions = (node: NetworkNode) =>
    new Introductions({
      node,
      gossip,
      topic: 't',
      fastPort: () => 0,
      fastPortOf: () => undefined,
      learn: (id: string) => void heard.add(id)
    })
  await introductions(asked).start()
  await asking.dial(asked.getMultiaddrs())
  const greeter = introductions(asking)
  for (let i = 0; i < 40; i++) await greeter.greet(asked.peerId.toString(), new AbortController().signal)
  expect(run.filter((id) => !heard.has(id))).toEqual([])
  await Promise.all([asked.stop(), asking.stop()])
})

it.each([
  ['strangers whose addresses are longer than any', 5, '/ip4/192.0.2.1/tcp/1', 7000],
  ['as many peers, with as many addresses, as are told at most', 128, '/ip4/192.0.2.1/tcp/1', 240]
])('a hello can be read when it is about %s', async (_what, count, good, letters) => {
  const asked = await nodeOf(`told-${letters}`, ['/ip4/127.0.0.1/tcp/0'])
  const asking = await nodeOf(`hears-${letters}`, [])
  await Promise.all([asked.start(), asking.start()])
  const honest = peerIdOfKey(signer().publicKey)
  const strangers = Array.from({ length: count }, () => peerIdOfKey(signer().publicKey))
  const long = Array.from({ length: 8 }, (_, index) => multiaddr(`/dns4/${'x'.repeat(letters)}/tcp/${index + 1}`))
  for (const id of strangers) await asked.peerStore.merge(peerIdFromString(id), { multiaddrs: long })
  await asked.peerStore.merge(peerIdFromString(honest), { multiaddrs: [multiaddr(good)] })
  const self = [asked, asking].map(({ peerId }) => peerId.toString())
  const subscribers = () => [honest, ...strangers.slice(0, 127), ...self]
  const gossip = { subscribers, onSubscription: () => () => undefined } as unknown as Gossip
  const heard = new Map<string, number>()
  const learn = (id: string, addresses: readonly unknown[]) => void heard.set(id, addresses.length)
  const rest = { gossip, topic: 't', fastPort: () => 0, fastPortOf: () => undefined, learn }
  await new Introductions({ node: asked, ...rest }).start()
  await asking.dial(asked.getMultiaddrs())
  try {
    const greeter = new Introductions({ node: asking, ...rest })
    vi.spyOn(Math, 'random').mockReturnValue(0)
    expect(await greeter.greet(self[0]!, new AbortController().signal)).toBe(true)
    expect(heard.get(honest)).toBe(1)
    expect(heard.size).toBeGreaterThan(Math.min(count, 100))
  } finally {
    vi.restoreAllMocks()
    await Promise.all([asked.stop(), asking.stop()])
  }
})

it('a node knows for as long as it lives where a peer is', async () => {
  const node = await nodeOf('aged', [])
  const peer = peerIdFromString(peerIdOfKey(signer().publicKey))
  await node.peerStore.merge(peer, { multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/1')] })
  vi.useFakeTimers({ now: Date.now() + 30 * 24 * 3_600_000, toFake: ['Date'] })
  try {
    expect((await node.peerStore.get(peer)).addresses).toHaveLength(1)
  } finally {
    vi.useRealTimers()
  }
})

describe('gossip', () => {
  /** Without a network: what it makes of a message that a neighbour brings, and what it delivers. */
  function listening(report: GossipInit['report'] = () => expect.fail('somebody was reported')) {
    const validators = new Map<string, (neighbour: unknown, message: { data: Uint8Array }) => unknown>()
    const delivered: Envelope[] = []
    const gossip = new Gossip({
      pubsub: { topicValidators: validators } as unknown as GossipInit['pubsub'],
      topic: 't',
      identity: { peer: 'self' } as Identity,
      nextSequence: () => 1,
      links: new Links(),
      report,
      excluded: () => false,
      deliver: (each) => void delivered.push(each)
    })
    const judge = (neighbour: string, data: Uint8Array) => validators.get('t')!(neighbour, { data })
    return { gossip, delivered, judge }
  }
  const announcement = (key: ReturnType<typeof signer>, sequence = 1, bytes = 1) =>
    sealEnvelope({ kind: 'announcement', topic: 't', sequence, payload: Buffer.alloc(bytes) }, key)
  const nameOf = ({ publicKey }: ReturnType<typeof signer>) => peerIdOfKey(publicKey)

  it('hands a message on alone, not with the frame that it came in', () => {
    const key = signer()
    const { delivered, judge } = listening()
    const bytes = announcement(key)
    const frame = new Uint8Array(4 << 20)
    frame.set(bytes, 1000)
    judge(nameOf(key), frame.subarray(1000, 1000 + bytes.byteLength))
    expect(delivered.map((each) => each.bytes.buffer.byteLength)).toEqual([bytes.byteLength])
    expect(delivered.map((each) => each.payload.buffer.byteLength)).toEqual([bytes.byteLength])
  })

  describe('under floods that stay below each limit', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
    afterEach(() => void vi.useRealTimers())
    /** 16 tokens each */
    const LARGE = 61_000

    it.each([
      ['made-up signers', 1000],
      ['members', 20]
    ])('passes on no more than those around it take: of %s', (_, signers) => {
      const keys = Array.from({ length: signers }, signer)
      const [between, victim] = [listening(), listening()]
      for (const { gossip } of [between, victim]) if (signers === 20) gossip.admit(keys.map(nameOf))
      for (let i = 0; i < 1000; i++) {
        const bytes = announcement(keys[i % signers], i, LARGE)
        if (between.judge(`neighbour ${i % 4}`, bytes) === 'accept') victim.judge('between', bytes)
      }
      if (signers === 20) expect(between.delivered).toHaveLength(1000)
      expect(victim.delivered.length).toBeGreaterThan(50)
    })

    it('hears of strangers what they say themselves, and of members all', () => {
      const [member, stranger] = [signer(), signer()]
      const { gossip, delivered, judge } = listening()
      gossip.admit([nameOf(member)])
      const heard = (neighbour: string, bytes: Uint8Array) => {
        const verdict = judge(neighbour, bytes)
        return [verdict, delivered.splice(0).length]
      }
      expect(heard('neighbour', announcement(signer()))).toEqual(['accept', 1])
      while (judge('neighbour', announcement(signer(), 1, LARGE)) === 'accept');
      delivered.length = 0
      expect(heard('neighbour', announcement(signer(), 1, LARGE))).toEqual(['ignore', 0])
      expect(heard(nameOf(stranger), announcement(stranger, 1, LARGE))).toEqual(['ignore', 1])
      expect(heard('neighbour', announcement(member, 1, LARGE))).toEqual(['accept', 1])
      vi.advanceTimersByTime(1000)
      expect(heard('neighbour', announcement(signer(), 1, LARGE))).toEqual(['accept', 1])
    })
  })
})

describe('the fast lane', () => {
  it('ends a socket that the other end keeps open', async () => {
    const holder = await loadIdentity(join(folder, 'holder'))
    const certificate = await generateCertificate(holder.libp2pKey)
    const keeping = { requestCert: true, rejectUnauthorized: false, allowHalfOpen: true }
    const server = createTlsServer({ ...certificate, ...keeping }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const lane = await FastLane.create(await loadIdentity(join(folder, 'receiver')), () => undefined)
    const { port } = server.address() as AddressInfo
    const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>
    const wire = await lane.dial(holder.peer, '127.0.0.1', port, AbortSignal.timeout(10_000))
    const [socket] = await accepted
    socket.on('error', () => undefined)
    const ended = once(socket.resume(), 'end')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      wire.close()
      await ended
      vi.advanceTimersByTime(10_000)
      expect((await wire.broken).code).toBe('unreachable')
    } finally {
      vi.useRealTimers()
      socket.destroy()
      server.close()
    }
  })

  it.each<[string, unknown, boolean]>([
    ['is used again after a dial that was given up', new PeergradError('aborted', 'the round is over'), true],
    ['is done without after a dial that took too long', new DOMException('too slow', 'TimeoutError'), false]
  ])('%s', async (_, reason, again) => {
    const wire = { lane: 'fast', peer: 'x', receive() {}, broken: new Promise(() => undefined) } as unknown as Wire
    let dials = 0
    const dial = (_peer: string, _host: string, _port: number, limit: AbortSignal) =>
      dials++ === 0 ? orAborted(new Promise<Wire>(() => undefined), limit) : wire
    const dialer = new FastDialer({ dial } as unknown as FastLane, () => undefined)
    dialer.learn('x', 1)
    const late = new AbortController()
    const opening = dialer.open('x', 'host', late.signal)
    late.abort(reason)
    expect(await opening).toBeUndefined()
    expect((await dialer.open('x', 'host', new AbortController().signal)) !== undefined).toBe(again)
  })
})

describe('envelope', () => {
  const key = signer()
  const other = peerIdOfKey(signer().publicKey)

  it('says who signed what, for whom', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('announcement' as const, 'request' as const, 'response' as const, 'refusal' as const),
        fc.uint8Array({ maxLength: 300 }),
        fc.maxSafeNat(),
        fc.string({ maxLength: 20 }),
        fc.boolean(),
        (kind, payload, sequence, topic, direct) => {
          const to = direct ? other : undefined
          const bytes = sealEnvelope({ kind, to, topic, sequence, payload }, key)
          expect(verifyEnvelope(bytes)).toEqual({
            kind,
            from: peerIdOfKey(key.publicKey),
            to,
            topic,
            sequence,
            payload,
            bytes
          })
        }
      ),
      { numRuns: 50 }
    )
  })

  it('is refused after a change of any byte', () => {
    const bytes = sealEnvelope(
      { kind: 'announcement', topic: 'run', sequence: 7, payload: Uint8Array.of(1, 2, 3) },
      key
    )
    for (let at = 0; at < bytes.length; at++) {
      const changed = Uint8Array.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(
        codeOf(() => verifyEnvelope(changed)),
        `byte ${at}`
      ).toBe('corrupt')
    }
    expect(codeOf(() => verifyEnvelope(bytes.subarray(0, -1)))).toBe('corrupt')
    expect(codeOf(() => verifyEnvelope(Buffer.concat([bytes, Buffer.alloc(1)])))).toBe('corrupt')
  })

  it('never throws anything but `corrupt` on foreign bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(codeOf(() => verifyEnvelope(bytes))).toBe('corrupt')
        const start = Buffer.concat([Buffer.from('PGEV\u0001\u0001'), bytes])
        expect(
          codeOf(() => parseEnvelope(start)),
          'behind a right start'
        ).toMatch(/corrupt|nothing thrown/)
      })
    )
  })

  it('is bounded', () => {
    const payload = new Uint8Array(CONTROL_LIMIT + 1)
    expect(codeOf(() => sealEnvelope({ kind: 'announcement', topic: '', sequence: 1, payload }, key))).toBe('argument')
    expect(codeOf(() => verifyEnvelope(new Uint8Array(CONTROL_LIMIT * 2)))).toBe('corrupt')
  })
})

describe('peer ids', () => {
  it('are the key, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(Buffer.compare(keyOfPeerId(peerIdOfKey(key)), key)).toBe(0)
      })
    )
    for (const wrong of ['', 'nobody', '0OIl', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N']) {
      expect(
        codeOf(() => keyOfPeerId(wrong)),
        wrong
      ).toBe('argument')
    }
  })

  it('are those of libp2p', async () => {
    const identity = await loadIdentity(join(folder, 'parity'))
    expect(peerIdOfKey(identity.publicKey)).toBe(identity.peer)
    expect(identity.peer).toBe(identity.libp2pKey.publicKey.toString())
  })
})

describe('identity file', () => {
  it('is made once, for its owner only, and read ever after', async () => {
    const file = join(folder, 'deep', 'er', 'key')
    const together = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(file)))
    const { peer } = await loadIdentity(file)
    expect(together.map((identity) => identity.peer)).toEqual(Array.from({ length: 8 }, () => peer))
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('that holds something else is `corrupt`, and is left alone', async () => {
    const file = join(folder, 'corrupt')
    for (const content of ['', 'no key\n', Buffer.alloc(36).toString('base64')]) {
      writeFileSync(file, content)
      const error = await loadIdentity(file).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'corrupt', data: { file } })
      expect(readFileSync(file, 'utf8')).toBe(content)
    }
  })

  it('that cannot be made is `missing`', async () => {
    writeFileSync(join(folder, 'plain'), '')
    expect(await codeOfAsync(loadIdentity(join(folder, 'plain', 'key')))).toBe('missing')
  })
})

describe('rate limits', () => {
  it('let a burst through and then the rate', () => {
    let now = 0
    const buckets = new TokenBuckets({ burst: 5, perSecond: 10 }, () => now)
    const allowed = () => Array.from({ length: 20 }, () => buckets.take('x')).filter(Boolean).length
    expect(allowed()).toBe(5)
    expect(buckets.take('y')).toBe(true)
    now += 300
    expect(allowed()).toBe(3)
    now += 60_000
    expect(allowed()).toBe(5)
  })

  it('cost no walk through all names for each new one', () => {
    let now = 0
    const buckets = new TokenBuckets({ burst: 5, perSecond: 10 }, () => now)
    buckets.take('x')
    const steps = vi.spyOn(Object.getPrototypeOf(new Map().entries()) as MapIterator<unknown>, 'next')
    for (let i = 0; i < 1000; i++) {
      now += 1
      buckets.take('x')
      buckets.take(`made up ${i}`)
    }
    const { length } = steps.mock.calls
    steps.mockRestore()
    expect(length).toBeLessThan(3000)
  })

  it('report who insists', () => {
    const reports: string[] = []
    const guard = new FloodGuard(
      { burst: 10, perSecond: 1 },
      (peer, offence) => reports.push(`${peer} ${offence}`),
      () => 0
    )
    const passed = Array.from({ length: 109 }, () => guard.allows('x')).filter(Boolean).length
    expect(passed).toBe(10)
    expect(reports).toEqual(['x flood'])
    guard.allows('x')
    expect(reports).toEqual(['x flood', 'x flood'])
  })

  it('keep nothing of those who were above the rate long ago', () => {
    let now = 0
    const guard = new FloodGuard(
      { burst: 1, perSecond: 1 },
      () => undefined,
      () => now
    )
    guard.allows('x')
    const excess = mapOf('x', () => void guard.allows('x'))
    for (let stranger = 0; stranger < 5000; stranger++) {
      for (let i = 0; i < 2; i++) guard.allows(`s${stranger}`)
      now += 1000
    }
    expect(excess.size).toBeLessThanOrEqual(50)
  })

  it('forget what was too much once', () => {
    let now = 0
    let reports = 0
    const guard = new FloodGuard(
      { burst: 10, perSecond: 1 },
      () => (reports += 1),
      () => now
    )
    for (let hour = 0; hour < 100; hour++) {
      for (let i = 0; i < 50; i++) guard.allows('x')
      now += 3_600_000
    }
    expect(reports).toBe(0)
  })

  it('cost nobody anything whose beats are read late, ten seconds of them at once, again and again', () => {
    let now = 0
    const reports: string[] = []
    const guard = new FloodGuard(
      BEATS.rate,
      (peer) => reports.push(peer),
      () => now
    )
    const beat = (peer: string) => guard.allows(peer)
    for (let pause = 0; pause < 4; pause++) {
      now += 10_000
      for (let i = 0; i < 200; i++) for (const peer of ['x', 'y']) beat(peer)
      for (const end = now + 20_000; now < end; now += 50) for (const peer of ['x', 'y']) beat(peer)
    }
    expect(reports).toEqual([])
    for (let i = 0; i < 1000; i++) beat('x')
    expect(reports.length).toBeGreaterThan(9)
    expect(new Set(reports)).toEqual(new Set(['x']))
  })
})

describe('links', () => {
  const sum = (rows: readonly LinkStatistics[]) => rows.reduce((total, row) => total + row.controlBytesReceived, 0)

  it('of strangers are the last ones; all that were before are one, and no byte is lost', () => {
    const links = new Links()
    const told = new Map<string, LinkStatistics>()
    const take = () => {
      const { rows, gone } = links.takeChanged()
      for (const peer of gone) told.delete(peer)
      for (const row of rows) told.set(row.peer, row)
    }
    links.admit(['member'])
    links.control('member', 'received', 1)
    for (let stranger = 0; stranger < 5000; stranger++) {
      links.control(`s${stranger}`, 'received', 3)
      if (stranger % 7 === 0) take()
    }
    links.control('s0', 'received', 3)
    take()
    expect(told.size).toBeLessThan(70)
    expect([...told.keys()]).toEqual(expect.arrayContaining(['member', 's4999', 's0', 'others']))
    expect(sum([...told.values()])).toBe(1 + 5001 * 3)
    const next = new Links([...told.values()])
    next.control('member', 'received', 1)
    expect(next.takeChanged()).toMatchObject({ rows: [{ peer: 'member', controlBytesReceived: 2 }], gone: [] })
  })
})

/** The map that `work` puts `peer` into last. */
function mapOf(peer: string, work: () => void): ReadonlyMap<unknown, unknown> {
  const set = vi.spyOn(Map.prototype, 'set')
  work()
  const map = set.mock.contexts[set.mock.calls.findLastIndex(([key]) => key === peer)]
  set.mockRestore()
  return map as ReadonlyMap<unknown, unknown>
}

describe('reputation', () => {
  it('keeps nothing of those who have their points back', () => {
    let now = 0
    const reputation = new Reputation(() => now)
    const scores = mapOf('x', () => void reputation.report('x', 'malformed'))
    for (let stranger = 0; stranger < 5000; stranger++) {
      reputation.report(`s${stranger}`, 'malformed')
      now += 10_000
    }
    expect(scores.size).toBeLessThanOrEqual(100)
    expect(reputation.score('s4999')).toBe(-29)
  })

  it('excludes at the threshold, for good', () => {
    let now = 0
    const reputation = new Reputation(() => now)
    expect([1, 2, 3].map(() => reputation.report('x', 'malformed'))).toEqual([false, false, false])
    expect(reputation.score('x')).toBe(-90)
    expect(reputation.excluded('x')).toBe(false)
    expect(reputation.report('x', 'malformed')).toBe(true)
    now += 1e9
    expect(reputation.excluded('x')).toBe(true)
    expect(reputation.report('y', 'equivocation')).toBe(true)
    expect(reputation.score('z')).toBe(0)
  })

  it('remembers so many of those that it excluded', () => {
    const reputation = new Reputation(() => 0)
    for (let made = 0; made <= 65_536; made++) reputation.report(`made up ${made}`, 'equivocation')
    expect([0, 1, 65_536].map((made) => reputation.excluded(`made up ${made}`))).toEqual([false, true, true])
  })

  it('remembers so many scores', () => {
    const reputation = new Reputation(() => 0)
    for (let made = 0; made <= 65_536; made++) reputation.report(`made up ${made}`, 'malformed')
    expect([0, 1, 65_536].map((made) => reputation.score(`made up ${made}`))).toEqual([0, -30, -30])
  })

  it('does not suffer from gradients that are too long, however many', () => {
    const reputation = new Reputation(() => 0)
    for (let round = 0; round < 1000; round++) expect(reputation.report('x', 'norm')).toBe(false)
    expect(reputation.score('x')).toBe(0)
  })

  it('lets accidents that are far apart pass', () => {
    let now = 0
    const reputation = new Reputation(() => now)
    for (let hour = 0; hour < 100; hour++) {
      expect(reputation.report('x', 'wrong-length')).toBe(false)
      now += 3_600_000
    }
    expect(reputation.score('x')).toBe(0)
  })
})

describe('replays', () => {
  it('are not what a peer says itself whose clock was set back', () => {
    const window = new ReplayWindow()
    const ahead = 7200 * 1_000_000
    for (let i = 1; i <= 2000; i++) window.accept('x', ahead + i)
    expect(window.accept('x', 1)).toBe(false)
    expect(window.accept('x', 2, true)).toBe(true)
    expect(window.accept('x', 1)).toBe(false)
    expect(window.accept('x', 3)).toBe(true)
    expect(window.accept('x', 2, true)).toBe(false)
    // nor does somebody else bring back what it said before
    expect(window.accept('x', ahead + 1990)).toBe(false)
  })

  it('are dropped, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 100 }), (sequences) => {
        const window = new ReplayWindow()
        const seen = new Set<number>()
        for (const sequence of sequences) {
          expect(window.accept('x', sequence)).toBe(!seen.has(sequence))
          seen.add(sequence)
        }
      })
    )
  })

  it('are dropped below the window too', () => {
    const window = new ReplayWindow()
    for (let i = 1; i <= 2000; i++) expect(window.accept('x', i)).toBe(true)
    for (let i = 1; i <= 2000; i++) expect(window.accept('x', i)).toBe(false)
    expect(window.accept('y', 1)).toBe(true)
  })

  it('are dropped of who goes on speaking, however many names others make up', () => {
    const window = new ReplayWindow()
    expect(window.accept('x', 1)).toBe(true)
    for (let i = 2; i <= 10; i++) {
      for (let name = 0; name < 4000; name++) window.accept(`made up ${i} ${name}`, 1)
      expect(window.accept('x', i)).toBe(true)
    }
    expect(window.accept('x', 1)).toBe(false)
  })

  it('cannot come of a restart: sequences go on', () => {
    let wall = 1_700_000_000_000
    const first = sequenceSource(() => wall)
    const numbers = Array.from({ length: 1000 }, first)
    wall += 1
    expect(sequenceSource(() => wall)()).toBeGreaterThan(Math.max(...numbers))
    expect(new Set(numbers).size).toBe(1000)
  })
})

describe('slots', () => {
  it('are given in the order of asking, and not to who has given up', async () => {
    const slots = new Slots(1)
    const never = new AbortController().signal
    const release = await slots.take('x', never)
    const order: string[] = []
    const giveUp = new AbortController()
    const second = slots.take('x', giveUp.signal).catch(() => order.push('second gave up'))
    const third = slots.take('x', never).then((free) => {
      order.push('third')
      free()
    })
    const other = await slots.take('y', never)
    giveUp.abort()
    await second
    release()
    await third
    expect(order).toEqual(['second gave up', 'third'])
    other()
  })

  it('are not waited for by who gave up before', async () => {
    const slots = new Slots(1)
    const release = await slots.take('x', new AbortController().signal)
    expect(await codeOfAsync(slots.take('x', AbortSignal.abort()))).toBe('aborted')
    release()
    expect(await codeOfAsync(slots.take('x', AbortSignal.abort()))).toBe('it resolved')
  })
})

describe('turns', () => {
  it('are one at a time for a name, in the order of asking, whatever becomes of the one before', async () => {
    const turns = new Turns()
    const order: string[] = []
    const waiting: (() => void)[] = []
    const work = (text: string) => async () => {
      order.push(text)
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    const first = turns.take('x', work('first'))
    const failing = turns.take('x', () => Promise.reject(new PeergradError('unreachable', 'broke')))
    const third = turns.take('x', work('third'))
    const other = turns.take('y', work('another name'))
    await nextTurn()
    expect(order).toEqual(['first', 'another name'])
    waiting.shift()?.()
    await first
    await expect(failing).rejects.toMatchObject({ code: 'unreachable' })
    await nextTurn()
    expect(order).toEqual(['first', 'another name', 'third'])
    for (const end of waiting) end()
    await Promise.all([third, other])
  })
})

describe('transfers to one peer', () => {
  const digest = 'ab'.repeat(32)
  /** Frames that were sent on each of two wires when the first frame of each is still under way. */
  async function framesOnTwo(lane: Lane): Promise<number[]> {
    const server = new TensorServer({
      links: new Links(),
      report: () => undefined,
      excluded: () => false,
      served: () => undefined
    })
    server.admit(['peer'])
    server.tensors.serve(digest, new Uint8Array(1 << 20))
    const frames = [0, 0]
    for (const index of frames.keys()) {
      const wire: Wire = {
        peer: 'peer',
        lane,
        broken: new Promise(() => undefined),
        send: (bytes) => {
          const small = bytes.byteLength < 1000
          if (!small) frames[index] += 1
          return small
        },
        drained: () => new Promise(() => undefined),
        receive: (sink) => sink(encodeTensorRequest({ digest, offset: 0, count: 0 })),
        close: () => undefined,
        abort: () => undefined
      }
      void server.attend(wire)
    }
    await nextTurn()
    return frames
  }

  it('take turns on the connection that they share with everything else', async () => {
    expect(await framesOnTwo('stream')).toEqual([1, 0])
    expect(await framesOnTwo('fast')).toEqual([1, 1])
  })
})

describe('frames', () => {
  it('grow while they go fast, and shrink when they go slowly, within bounds', () => {
    const size = new FrameSize()
    const after = (milliseconds: number, times: number) => {
      for (let i = 0; i < times; i++) size.took(milliseconds)
      return size.bytes
    }
    expect(size.bytes).toBe(16 * 1024)
    expect(after(1, 3)).toBe(128 * 1024)
    expect(after(30, 5)).toBe(128 * 1024)
    expect(after(1, 20)).toBe(512 * 1024)
    expect(after(300, 1)).toBe(256 * 1024)
    expect(after(300, 20)).toBe(16 * 1024)
  })
})

describe('refusals', () => {
  it('give a terminal nothing to do', () => {
    const error = new PeergradError('refused', 'no\u001b]0;owned\u0007\u001b[2J\nright', { left: '\u202efdp' })
    expect(decodeRefusal(encodeRefusal(error)).toJSON()).toMatchObject({
      message: 'no�]0;owned��[2J�right',
      data: { left: '�fdp' }
    })
  })

  it('carry a typed error, without its stack, and nothing above the limit', () => {
    const error = new PeergradError('conflict', 'no', { round: 3, stack: 'secret' })
    expect(decodeRefusal(encodeRefusal(error)).toJSON()).toEqual({
      ...error.toJSON(),
      data: { round: 3 }
    })
    const huge = new PeergradError('full', 'x'.repeat(1e6), { text: 'y'.repeat(1e6) })
    expect(encodeRefusal(huge).byteLength).toBeLessThanOrEqual(CONTROL_LIMIT)
    for (const wrong of [
      '',
      '1',
      '{}',
      '{"code":"toString","message":"","data":{}}',
      '{"code":"full","message":1,"data":{}}'
    ]) {
      expect(
        codeOf(() => decodeRefusal(Buffer.from(wrong))),
        wrong
      ).toBe('corrupt')
    }
  })
})

describe('addresses', () => {
  it('name the peer, and loopback last', () => {
    const peer = peerIdOfKey(signer().publicKey)
    const listed = ['/ip4/127.0.0.1/tcp/4001', '/ip4/192.0.2.7/tcp/4001', '/ip6/::1/tcp/1'].map((text) =>
      multiaddr(text)
    )
    expect(dialable(listed, peer)).toEqual([
      `/ip4/192.0.2.7/tcp/4001/p2p/${peer}`,
      `/ip4/127.0.0.1/tcp/4001/p2p/${peer}`,
      `/ip6/::1/tcp/1/p2p/${peer}`
    ])
  })
})

describe('contacts', () => {
  const peer = peerIdOfKey(signer().publicKey)
  function contactsOf(dial: () => Promise<void>, connected: (peer: string) => boolean = () => false) {
    const dials: string[] = []
    const kept: { multiaddr: Multiaddr }[] = []
    const node = {
      peerId: peerIdOfKey(signer().publicKey),
      getConnections: (id: unknown) => (connected(String(id)) ? [{}] : []),
      peerStore: {
        get: async () => ({ addresses: kept }),
        patch: async (_id: unknown, { multiaddrs }: { multiaddrs: Multiaddr[] }) =>
          void kept.splice(0, kept.length, ...multiaddrs.map((each) => ({ multiaddr: each }))),
        merge: async (_id: unknown, { multiaddrs }: { multiaddrs: Multiaddr[] }) =>
          void kept.push(...multiaddrs.map((each) => ({ multiaddr: each })))
      },
      dial: (id: unknown) => {
        dials.push(String(id))
        return dial()
      }
    } as unknown as Libp2p
    return {
      dials,
      kept,
      contacts: new Contacts({ node, excluded: (other) => other === 'excluded', log: () => undefined })
    }
  }

  it('of the largest view leave room for another one', async () => {
    const others = Array.from({ length: 1024 }, () => peerIdOfKey(signer().publicKey))
    const there = new Set(others)
    const { dials, contacts } = contactsOf(
      async () => undefined,
      (id) => there.has(id)
    )
    for (const other of others) contacts.reached(other)
    await contacts.learn(peer, [])
    expect(dials).toEqual([peer])
    contacts.close()
  })

  it('that were made up by a liar keep nobody from one that went', async () => {
    vi.useFakeTimers()
    try {
      const { dials, contacts } = contactsOf(() => Promise.reject(new PeergradError('unreachable', 'no')))
      for (let i = 0; i < 300; i++) await contacts.learn(peerIdOfKey(signer().publicKey), [])
      contacts.reached(peer)
      contacts.lost(peer)
      await vi.advanceTimersByTimeAsync(30_000)
      expect(dials.filter((dialled) => dialled === peer).length).toBeGreaterThanOrEqual(8)
      contacts.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('that cannot be reached for an hour at all that is kept of them are dialled where others name them now', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const { kept, contacts } = contactsOf(() => Promise.reject(new PeergradError('unreachable', 'no')))
      const at = (port: number) => multiaddr(`/ip4/192.0.2.1/tcp/${port}`)
      contacts.reached(peer)
      contacts.lost(peer)
      for (let port = 1; port <= 20; port++) await contacts.learn(peer, [at(port)])
      expect(kept).toHaveLength(16)
      await vi.advanceTimersByTimeAsync(3_700_000)
      await contacts.learn(peer, [at(500)])
      expect(kept.map(({ multiaddr: each }) => String(each))).toEqual([String(at(500))])
      contacts.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('that are forgotten for a time are dialled when they are named after it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const { dials, contacts } = contactsOf(async () => undefined)
      contacts.reached(peer)
      contacts.forget(peer, 60_000)
      contacts.lost(peer)
      await vi.advanceTimersByTimeAsync(59_000)
      contacts.look()
      await contacts.learn(peer, [])
      expect(dials).toEqual([])
      await vi.advanceTimersByTimeAsync(1000)
      contacts.look()
      await contacts.learn(peer, [])
      expect(dials).toEqual([peer])
      contacts.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('that went by the hundred are dialled seldom, and newcomers have room', async () => {
    vi.useFakeTimers()
    try {
      const { dials, contacts } = contactsOf(() => Promise.reject(new PeergradError('unreachable', 'no')))
      const goes = (count: number) => {
        for (let i = 0; i < count; i++) {
          const gone = peerIdOfKey(signer().publicKey)
          contacts.reached(gone)
          contacts.lost(gone)
        }
      }
      goes(300)
      await vi.advanceTimersByTimeAsync(200_000)
      const before = dials.length
      await vi.advanceTimersByTimeAsync(60_000)
      expect(dials.length - before).toBeLessThan(300)
      goes(1800)
      await contacts.learn(peer, [])
      expect(dials).toContain(peer)
      contacts.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('are dialled once however often they are named', async () => {
    const { dials, contacts } = contactsOf(async () => undefined)
    await Promise.all([contacts.learn(peer, []), contacts.learn(peer, []), contacts.learn('excluded', [])])
    expect(dials).toEqual([peer])
    contacts.close()
  })

  it('are not dialled after they are forgotten, until they come by themselves', async () => {
    const { dials, contacts } = contactsOf(async () => undefined)
    contacts.forget(peer, 60_000)
    await contacts.learn(peer, [])
    contacts.lost(peer)
    expect(dials).toEqual([])
    contacts.reached(peer)
    contacts.forget('another', 60_000)
    await contacts.learn(peer, [])
    expect(dials).toEqual([])
    contacts.close()
  })

  it('that are missing are dialled soon at an address that somebody names, of which a liar has no endless supply', async () => {
    vi.useFakeTimers()
    try {
      const { dials, kept, contacts } = contactsOf(() => Promise.reject(new PeergradError('unreachable', 'no')))
      const at = (port: number) => multiaddr(`/ip4/192.0.2.1/tcp/${port}`)
      await contacts.learn(peer, [at(1)])
      // after the fifth pause, and well before the end of the sixth, however they are spread
      await vi.advanceTimersByTimeAsync(20_000)
      expect(contacts.missing).toBe(true)
      const before = dials.length
      await contacts.learn(peer, [at(1)])
      await vi.advanceTimersByTimeAsync(500)
      expect(dials.length).toBe(before)
      await contacts.learn(peer, [at(1), at(2)])
      await vi.advanceTimersByTimeAsync(500)
      expect(dials.length).toBe(before + 1)
      expect(kept.map((each) => each.multiaddr.toString())).toEqual([at(1), at(2)].map(String))
      for (let port = 3; port < 100; port++) await contacts.learn(peer, [at(port)])
      expect(kept).toHaveLength(16)
      contacts.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('that are lost are dialled again and again', async () => {
    vi.useFakeTimers()
    try {
      const { dials, contacts } = contactsOf(() => Promise.reject(new PeergradError('unreachable', 'no')))
      contacts.reached(peer)
      contacts.lost(peer)
      for (const [count, milliseconds] of [500, 1000, 2000, 4000].entries()) {
        await vi.advanceTimersByTimeAsync(milliseconds)
        expect(dials.length).toBeGreaterThan(count)
      }
      // however long it was away: when the link heals, seconds are enough
      await vi.advanceTimersByTimeAsync(3_600_000)
      const late = dials.length
      await vi.advanceTimersByTimeAsync(62_500)
      expect(dials.length - late).toBeGreaterThanOrEqual(10)
      expect(dials.length - late).toBeLessThanOrEqual(17)
      // a dial that ended well, and the connection before anybody heard of it
      contacts.reached(peer)
      const heard = dials.length
      contacts.look()
      await vi.advanceTimersByTimeAsync(500)
      expect(dials.length).toBe(heard + 1)
      const before = dials.length
      contacts.forget(peer, 60_000)
      await vi.advanceTimersByTimeAsync(600_000)
      expect(dials.length).toBe(before)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('members', () => {
  const peer = peerIdOfKey(signer().publicKey)
  const signs = (type: string, detail: unknown) => Object.assign(new Event(type), { detail })

  function membersOf(greet: () => Promise<boolean>) {
    const events = new EventTarget()
    const said: string[] = []
    const open: { readonly remotePeer: string }[] = []
    const node = Object.assign(events, {
      hangUp: async () => void said.push('hung up'),
      getConnections: () => open
    })
    const members = new Members({
      node: node as unknown as NetworkNode,
      introductions: { greet } as unknown as Introductions,
      contacts: { reached: () => undefined, lost: () => undefined } as unknown as Contacts,
      discovers: () => true,
      connected: () => said.push('connected'),
      disconnected: () => said.push('disconnected'),
      log: () => undefined
    })
    const identified = () => events.dispatchEvent(signs('peer:identify', { protocols: [HELLO_PROTOCOL], peerId: peer }))
    return { members, said, events, identified, open }
  }

  it('are greeted anew after a hello on a connection that had closed before it was known whose it was', async () => {
    const answers = [Promise.reject(new PeergradError('unreachable', 'closed')), Promise.resolve(true)]
    const { said, events, identified } = membersOf(async () => answers.shift() as Promise<boolean>)
    events.dispatchEvent(signs('peer:disconnect', peer))
    identified()
    await vi.waitFor(() => expect(said).toEqual(['hung up']))
    identified()
    await vi.waitFor(() => expect(said).toEqual(['hung up', 'connected']))
  })

  it('are hung up on when a connection is left over on which nobody says hello any more', async () => {
    const { members, said, events, open } = membersOf(async () => true)
    const now = performance.now()
    open.push({ remotePeer: peer })
    members.look(now)
    members.look(now + 10_000)
    expect(said).toEqual([])
    members.look(now + 30_000)
    expect(said).toEqual(['hung up'])
    open.pop()
    events.dispatchEvent(signs('peer:disconnect', peer))
    members.look(now + 60_000)
    expect(said).toEqual(['hung up'])
  })

  it('are hung up on when they do not say in time who they are', async () => {
    const { members, said, events, identified } = membersOf(async () => true)
    const now = performance.now()
    events.dispatchEvent(signs('peer:connect', peer))
    members.look(now + 10_000)
    expect(said).toEqual([])
    members.look(now + 30_000)
    expect(said).toEqual(['hung up'])
    events.dispatchEvent(signs('peer:connect', peer))
    identified()
    await vi.waitFor(() => expect(said).toEqual(['hung up', 'connected']))
    members.look(now + 60_000)
    expect(said).toEqual(['hung up', 'connected'])
  })
})

it('many fetches with one signal put one listener on it, and none when they are over', async () => {
  const arena = Arena.create({ bytes: 1 << 20 })
  const mesh = await createNetworkMesh({
    identityFile: join(folder, 'fetches'),
    listen: [],
    topic: 'x',
    memory: arena.memory
  })
  const { signal } = new AbortController()
  const nobody = peerIdOfKey(signer().publicKey)
  const listening = () => getEventListeners(signal, 'abort').length
  const fetches = Array.from({ length: 12 }, (_, index) => {
    const digest = index.toString(16).repeat(64)
    return codeOfAsync(
      mesh.fetch({ digest, bytes: 4, from: [nobody], into: arena.allocate(1), deadline: 20_000, signal })
    )
  })
  expect(listening()).toBe(1)
  expect(new Set(await Promise.all(fetches))).toEqual(new Set(['unreachable']))
  expect(listening()).toBe(0)
  await mesh.close()
})

describe('a mesh that cannot start', () => {
  const arena = Arena.create({ bytes: 1 << 20 })
  const base = { identityFile: join(folder, 'start'), topic: 'x', memory: arena.memory }
  const failure = (init: object) =>
    createNetworkMesh({ ...base, ...init }).then(
      () => 'it started',
      (error: unknown) => error
    )

  it('names the port that is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const error = await failure({ listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    expect(error).toMatchObject({ code: 'argument', data: { port } })
    expect(String(error)).toContain(`port ${port} is in use`)
    server.close()
  })

  it.each([true, false])(
    'says that it is no address of this machine, with a fast lane or without (%s)',
    async (fastLane) => {
      const error = await failure({ listen: ['/ip4/192.0.2.1/tcp/0'], fastLane })
      expect(error).toMatchObject({ code: 'argument', message: expect.stringContaining('no address of this machine') })
    }
  )

  it.each([
    ['join', { bootstrap: ['foo'] }],
    ['join', { bootstrap: ['/ip4/127.0.0.1/tcp/1'] }],
    ['via', { via: ['foo'] }],
    ['listen', { listen: ['foo'] }]
  ])('names the option whose address is none: %s', async (option, init) => {
    const error = await failure({ listen: ['/ip4/127.0.0.1/tcp/0'], ...init })
    expect(error).toMatchObject({ code: 'argument', message: expect.stringMatching(`^${option}: got`) })
  })

  it('says why it was given up', async () => {
    const controller = new AbortController()
    const error = failure({ listen: ['/ip4/127.0.0.1/tcp/0'], signal: controller.signal })
    controller.abort(new PeergradError('aborted', 'stopped by SIGINT'))
    expect(await error).toMatchObject({ code: 'aborted', message: 'stopped by SIGINT' })
  })

  it.each([
    ['an address that is none', { listen: ['localhost:4001'] }],
    ['a bootstrap address without a peer', { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: ['/ip4/127.0.0.1/tcp/1'] }],
    ['an empty topic', { topic: '' }],
    ['a transport that is not there', { transport: 'file:///nowhere.mjs' }],
    ['a transport that is none', { transport: 'data:text/javascript,export default 1' }]
  ])('says `argument` for %s', async (_, init) => {
    expect(await failure(init)).toMatchObject({ code: 'argument' })
  })

  it('says `corrupt` for a broken identity', async () => {
    const identityFile = join(folder, 'broken')
    writeFileSync(identityFile, 'x')
    expect(await failure({ identityFile })).toMatchObject({ code: 'corrupt' })
  })

  it('is given up', async () => {
    const giveUp = new AbortController()
    const starting = failure({ listen: ['/ip4/127.0.0.1/tcp/0'], signal: giveUp.signal })
    giveUp.abort()
    expect(await starting).toMatchObject({ code: 'aborted' })
  })
})
