import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { PeergradError, type PeerId } from '@peergrad/core'
import { openDoctor, peerOfKey, type Doctor, type SeenRun, type Visit } from '@peergrad/peer'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { VERSIONS } from '../../../peer/dist/doctor/versions.js'
import { doctor } from '../../src/commands/doctor.js'
import { halves } from '../../src/doctor/halves.js'
import { Listeners } from '../../src/doctor/listeners.js'
import type { Examined } from '../../src/doctor/peer/context.js'
import { admission } from '../../src/doctor/peer/admission.js'
import { clock } from '../../src/doctor/peer/clock.js'
import { dialIn } from '../../src/doctor/peer/dial-in.js'
import { dialOut } from '../../src/doctor/peer/dial-out.js'
import { nat } from '../../src/doctor/peer/nat.js'
import { punch } from '../../src/doctor/peer/punch.js'
import { relay } from '../../src/doctor/peer/relay.js'
import { speed } from '../../src/doctor/peer/speed.js'
import {
  all,
  answeringPeer,
  closedPort,
  examined,
  faults,
  folder,
  HERE,
  listening,
  optionsOf,
  RUN,
  swarmPeer,
  theOne
} from './support.js'

const SOMEBODY = '12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg'
const MINUTE = 60_000

let founder: Awaited<ReturnType<typeof swarmPeer>>
let other: typeof founder
beforeAll(async () => {
  ;[founder, other] = await Promise.all([swarmPeer(RUN), swarmPeer(RUN)])
})
afterEach(() => vi.restoreAllMocks())

describe('a healthy pair', () => {
  test('has nothing to look at, in any check', async () => {
    const sections = await examined([founder.address], RUN)
    expect(faults(sections)).toEqual([])
    expect(sections.map(({ findings }) => findings.map(({ check }) => check))).toEqual([
      ['versions', 'listen', 'engine', 'store', 'disk', 'memory'],
      ['dial-out', 'versions', 'clock', 'dial-in', 'relay', 'nat', 'run', 'admission', 'speed'],
      ['open files', 'data']
    ])
    const run = all(sections).find(({ check }) => check === 'run')
    expect(run?.found).toContain('the same here and there')
    // it was looked at, and nobody came
    expect([founder.mesh.connected(), founder.swarm.ready]).toEqual([[], []])
  })

  test('is one document for a program, and exit code 0; a fault is 7', async () => {
    const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const flags = { json: true, run: undefined }
    expect(await doctor.run({ options: HERE, flags, words: [founder.address] })).toBe(0)
    expect(JSON.parse(String(print.mock.calls[0]?.[0]))).toMatchObject({ status: 'ok', sections: { length: 3 } })
    expect(print).toHaveBeenCalledTimes(1)
    expect(await doctor.run({ options: HERE, flags, words: ['nonsense'] })).toBe(7)
  })

  test('is told line by line, with what to do', async () => {
    let text = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
      text += String(part)
      return true
    })
    expect(await doctor.run({ options: HERE, flags: {}, words: ['/ip4/127.0.0.1/udp/1'] })).toBe(7)
    expect(text).toMatch(/^this machine\n {2}ok {4}versions {4}peergrad/)
    expect(text).toMatch(/\n\/ip4\/127\.0\.0\.1\/udp\/1\n {2}FAIL {2}dial-out .*\n +→ take one that/)
    expect(text).toMatch(/\n\d+ ok, 0 to look at, 1 that must be mended\n$/)
  })
})

describe('an address', () => {
  let stranger: Doctor
  beforeAll(async () => void (stranger = await openDoctor({ patience: 1000 })))
  afterAll(() => stranger.close())
  const dialled = async (address: string) => (await dialOut(stranger, address)).finding

  test.each([
    ['that is none', 'over there', 'bad-address'],
    ['without a TCP port', '/ip4/127.0.0.1/udp/4001', 'no-address'],
    ['whose name nobody knows', `/dns4/nowhere.invalid/tcp/4001/p2p/${SOMEBODY}`, 'unresolved']
  ])('%s', async (_, address, fault) => {
    expect(await dialled(address)).toMatchObject({ status: 'fail', fault })
  })

  test('where nobody listens', async () => {
    const address = `/ip4/127.0.0.1/tcp/${await closedPort()}/p2p/${SOMEBODY}`
    expect(await dialled(address)).toMatchObject({ status: 'fail', fault: 'refused' })
  })

  test('of a web server', async () => {
    const port = await listening(createServer((_, response) => response.end('hello')))
    const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${SOMEBODY}`
    expect(await dialled(address)).toMatchObject({ status: 'fail', fault: 'not-libp2p' })
  })

  test('of a server that takes all and says nothing', async () => {
    const address = `/ip4/127.0.0.1/tcp/${await listening()}/p2p/${SOMEBODY}`
    expect(await dialled(address)).toMatchObject({ status: 'fail', fault: 'not-libp2p' })
  })

  test('of a libp2p node that is no peer', async () => {
    const { address } = await answeringPeer(undefined)
    expect(await dialled(address)).toMatchObject({ status: 'fail', fault: 'not-peergrad' })
  })

  test('of another peer than it says, with which it is', async () => {
    const [, , host, , port] = founder.address.split('/')
    const finding = await dialled(`/ip4/${host}/tcp/${port}/p2p/${SOMEBODY}`)
    expect(finding).toMatchObject({ status: 'fail', fault: 'wrong-peer', data: { peer: founder.peer } })
  })

  test('without a peer: with the whole address, and everything else is looked at', async () => {
    const address = founder.address.replace(/\/p2p\/.*/, '')
    const sections = await examined([address])
    expect(faults(sections)).toEqual(['warn no-peer-id'])
    expect(theOne(sections, 'no-peer-id').advice).toContain(`${address}/p2p/${founder.peer}`)
    expect(all(sections).map(({ check }) => check)).toContain('speed')
  })
})

describe('the other peer', () => {
  const about = async (init: Parameters<typeof answeringPeer>[0]) => examined([(await answeringPeer(init)).address])

  test('whose clock is wrong and which is of another release: both are named; it knows no run, which is said too', async () => {
    const sections = await about({ now: () => Date.now() - 10 * MINUTE, versions: { ...VERSIONS, peergrad: '9.9.9' } })
    expect(faults(sections)).toEqual(['warn other-release', 'warn clock-skew', 'warn run-unknown'])
    expect(theOne(sections, 'clock-skew').found).toContain('10 min behind')
  })

  test('of another form of run: that is all that is said of its run', async () => {
    expect(faults(await about({ versions: { ...VERSIONS, run: VERSIONS.run + 1 } }))).toEqual(['fail other-version'])
  })

  test.each([
    [10 * MINUTE, 5, 'warn'],
    [-10 * MINUTE, 5, 'warn'],
    [240 * MINUTE, 5, 'fail'],
    [1000, 5, 'ok'],
    // more than that may be error
    [40_000, 30_000, 'ok']
  ])('whose clock is %i ms ahead, by a round trip of %i ms: %s', async (offset, roundTrip, status) => {
    const seen = { offset, roundTrip }
    expect(await clock({ seen } as Parameters<typeof clock>[0])).toMatchObject({ status })
  })

  test('of another run: with the first field that differs', async () => {
    const sections = await examined([other.address], { ...RUN, lr: '0.5' })
    expect(faults(sections)).toEqual(['fail other-run'])
    expect(theOne(sections, 'other-run')).toMatchObject({ data: { field: 'optimiser' } })
    expect(theOne(sections, 'other-run').found).toContain('0.5')
  })

  test('that says what is not well formed is not believed', async () => {
    const lying = { ...VERSIONS, peergrad: '\u001b[31mred' }
    expect(faults(await about({ versions: lying }))).toEqual(['fail no-answer'])
  })
})

describe('who may take part', () => {
  test('by a secret: the right one, another, or none', async () => {
    const text = 'a secret of many characters'
    const { address } = await swarmPeer({ ...RUN, admission: 'secret' }, { secret: Buffer.from(text) })
    const stranger = await openDoctor()
    const run = await (await stranger.visit(address)).run(0)
    await stranger.close()
    const judged = async (flags: Record<string, unknown>) => {
      const { status, fault } = await admission(optionsOf(flags), run)
      return fault ?? status
    }
    const file = (name: string, secret: string) => {
      writeFileSync(join(folder, name), secret)
      return { 'secret-file': join(folder, name) }
    }
    expect(await judged(file('right', text))).toBe('ok')
    expect(await judged(file('wrong', 'another of as many'))).toBe('not-admitted')
    expect(await judged({})).toBe('not-admitted')
  })

  test('by a list: this machine is on it, is not, or has no key yet', async () => {
    const identity = join(folder, 'listed.key')
    const self = await peerOfKey(identity)
    const question = { from: self, to: SOMEBODY, nonce: 'n', time: Date.now() }
    const run = (peers: string) =>
      ({ manifest: { admission: `allow-list:${peers}` }, question, credential: null }) as unknown as SeenRun
    expect((await admission(optionsOf({ identity }), run(`${SOMEBODY},${self}`))).status).toBe('ok')
    expect((await admission(optionsOf({ identity }), run(SOMEBODY))).fault).toBe('not-admitted')
    expect((await admission(optionsOf({ identity: `${identity}.not` }), run(SOMEBODY))).fault).toBe('no-key')
  })
})

describe('halves of one run', () => {
  test('that were founded apart are named', async () => {
    const sections = await examined([founder.address, other.address])
    expect(faults(sections)).toEqual(['fail two-foundings'])
    const { found, advice } = theOne(sections, 'two-foundings')
    for (const { peer } of [founder, other]) expect(found).toContain(peer.slice(-8))
    expect(advice).toContain(`--join ${founder.address} --join ${other.address}`)
  })

  const peers = [1, 2, 3, 4].map((number) => `12D3KooWpeer${number}`)
  const [one, two, three, four] = peers as [PeerId, PeerId, PeerId, PeerId]
  const run = { manifest: { strategy: 'spirt' }, lineage: { founder: one, founded: 1 }, running: true }
  const seen = (peer: PeerId, ...connected: PeerId[]) =>
    ({ visit: { peer, address: `/at/${peer}` }, seen: { peers: connected }, run }) as unknown as Examined

  test.each([
    ['one swarm', [seen(one, two, three), seen(three, one, two)], 'ok'],
    ['cut off from each other', [seen(one, two), seen(three, four)], 'cut-off'],
    ['without a link', [seen(one, two), seen(three, two)], 'no-direct-link']
  ])('%s', (_, examined, expected) => {
    const finding = halves(examined)
    expect(finding?.fault ?? finding?.status).toBe(expected)
  })

  test('are no matter of one peer, twice asked, or of two runs', () => {
    expect(halves([seen(one, two), seen(one, two)])).toBeUndefined()
    const elsewhere = { ...seen(two), run: { ...run, manifest: { strategy: 'gossip' } } } as unknown as Examined
    expect(halves([seen(one), elsewhere])).toBeUndefined()
  })
})

describe('the way back', () => {
  test('through a router that forwards the port to another host, or to none', async () => {
    const { address } = await answeringPeer({})
    const stranger = await openDoctor()
    const listeners = await Listeners.open(['/ip4/127.0.0.1/tcp/0'])
    try {
      const visit = await stranger.visit(address)
      const context = { visit, seen: await visit.about(), options: optionsOf(), own: undefined, listeners }
      const at = vi.spyOn(listeners, 'at')
      expect((await dialIn(context))?.status).toBe('ok')
      at.mockReturnValue({ host: '0.0.0.0', port: await listening() })
      expect((await dialIn(context))?.fault).toBe('port-of-another')
      at.mockReturnValue({ host: '0.0.0.0', port: await closedPort() })
      expect((await dialIn(context))?.fault).toBe('incoming-refused')
      const elsewhere = { ...context, seen: { ...context.seen, observed: '/ip4/192.0.2.1/tcp/1' } }
      at.mockReturnValue({ host: '127.0.0.1', port: 1 })
      expect((await dialIn(elsewhere))?.fault).toBe('listens-on-loopback')
    } finally {
      listeners.close()
      await stranger.close()
    }
  })

  test.each([
    ['/ip4/192.0.2.1/tcp/4001', 4001, 'keeps-ports'],
    ['/ip4/192.0.2.1/tcp/4001', 4002, 'changes-ports'],
    ['/ip4/127.0.0.1/tcp/4001', 4002, 'none']
  ])('seen at %s from port %i: %s', async (observed, localPort, kind) => {
    const visit = { localPort, limited: false } as Visit
    const finding = await nat({ visit, seen: { observed } } as Parameters<typeof nat>[0])
    expect(finding).toMatchObject({ data: { kind }, status: kind === 'none' ? 'ok' : 'warn' })
  })

  test('through a relay that does not say where it sees this peer: nothing is known of a NAT', async () => {
    const observed = `/ip4/192.0.2.1/tcp/1/p2p/${SOMEBODY}/p2p-circuit/p2p/${SOMEBODY}`
    expect(await nat({ visit: {}, seen: { observed } } as Parameters<typeof nat>[0])).toBeUndefined()
  })

  test.each([
    [undefined, true, {}, undefined],
    [{ status: 'warn', fault: 'asked-too-often' }, true, {}, undefined],
    [{ status: 'ok' }, false, {}, 'ok'],
    [{ status: 'warn', fault: 'incoming-dropped' }, true, {}, 'ok'],
    [{ status: 'warn', fault: 'incoming-dropped' }, true, { relay: 'off' }, 'no-relay'],
    [{ status: 'warn', fault: 'incoming-dropped' }, false, {}, 'no-relay']
  ])('found %j, by a peer that relays: %j, with %j: a relay is %s', (back, relays, flags, expected) => {
    const context = { visit: { relays }, options: optionsOf(flags) } as unknown as Parameters<typeof relay>[1]
    const finding = relay(back as Parameters<typeof relay>[0], context)
    expect(finding?.fault ?? finding?.status).toBe(expected)
  })

  test('through a relay: whether the relay can be done without', async () => {
    const how = async (meet: Visit['meet'], limited = true) => {
      const finding = await punch({ visit: { limited, meet } as Visit } as Parameters<typeof punch>[0])
      return finding && (finding.fault ?? finding.data)
    }
    expect(await how(async () => 'punched')).toEqual({ how: 'punched' })
    expect(await how(async () => 'dialled')).toEqual({ how: 'dialled' })
    expect(await how(() => Promise.reject(new PeergradError('timeout', 'too late')))).toBe('relayed')
    expect(await how(() => expect.unreachable(), false)).toBeUndefined()
  })

  test.each([
    [{ bytes: 4e6, milliseconds: 1000 }, 5, 'ok'],
    [{ bytes: 1e5, milliseconds: 1000 }, 5, 'slow-link'],
    [{ bytes: 4e6, milliseconds: 1000 }, 600, 'long-round-trip']
  ])('that carries %j in a round trip of %i ms: %s', async (received, roundTrip, expected) => {
    const visit = { limited: false, measure: () => Promise.resolve(received) } as unknown as Visit
    const context = { visit, seen: { roundTrip }, options: optionsOf() } as unknown as Parameters<typeof speed>[0]
    const finding = await speed(context)
    expect(finding?.fault ?? finding?.status).toBe(expected)
  })
})
