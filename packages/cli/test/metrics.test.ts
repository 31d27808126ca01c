import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { PeergradError, type LinkStatistics, type RunEvent } from '@peergrad/core'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { addressText, metricsAddress, metricsOfPeer } from '../src/metrics/address.js'
import { MetricsEndpoint } from '../src/metrics/endpoint.js'
import { LinkMetrics } from '../src/metrics/link-metrics.js'
import { Readiness } from '../src/metrics/readiness.js'
import { startMetricsServer } from '../src/metrics/server.js'
import { exposition } from './fixtures/exposition.js'

afterEach(() => void vi.useRealTimers())

type Body = RunEvent extends infer E ? (E extends unknown ? Omit<E, 'time' | 'peer'> : never) : never
const event = (body: Body) => ({ time: 0, peer: 'p', ...body }) as RunEvent

const code = (work: () => unknown) => {
  try {
    return work()
  } catch (error) {
    return PeergradError.from(error).code
  }
}

test.each([
  ['9464', '127.0.0.1:9464'],
  [':9464', 'argument'],
  ['0.0.0.0:9464', '0.0.0.0:9464'],
  ['peer-0.example:0', 'peer-0.example:0'],
  ['[::1]:80', '[::1]:80'],
  ['::1:80', 'argument'],
  ['127.0.0.1', 'argument'],
  ['127.0.0.1:65536', 'argument'],
  ['http://127.0.0.1:80', 'argument'],
  ['', 'argument']
])('--metrics %s', (text, expected) => {
  expect(code(() => addressText(metricsAddress(text)))).toBe(expected)
})

test('peers of one machine have the ports from the first one up, or any free ones', () => {
  expect([0, 3].map((number) => metricsOfPeer('9464', number))).toEqual(['127.0.0.1:9464', '127.0.0.1:9467'])
  expect(metricsOfPeer('[::1]:0', 3)).toBe('[::1]:0')
  expect(code(() => metricsOfPeer('65535', 1))).toBe('argument')
})

describe('readiness', () => {
  const view = (...members: string[]) => event({ type: 'view', number: 0, members })
  const paused = event({ type: 'paused', reason: '1 of 2 peers is here' })
  test.each<[string, RunEvent[], string | undefined]>([
    ['at the start', [], 'this peer is starting'],
    ['without a view', [event({ type: 'started' } as Body)], 'this peer waits for its first view'],
    ['in a view', [view('p', 'q')], undefined],
    ['in a view without it', [view('p', 'q'), view('q')], 'this peer is not in the view'],
    ['paused', [view('p', 'q'), paused], '1 of 2 peers is here'],
    ['resumed', [view('p', 'q'), paused, event({ type: 'resumed', reason: '' })], undefined],
    [
      'with another model than the others',
      [view('p', 'q'), event({ type: 'diverged', round: 3 })],
      'this peer takes the state of the run from others'
    ],
    ['healed', [view('p'), event({ type: 'diverged', round: 3 }), event({ type: 'healed', round: 4 })], undefined],
    ['finished', [view('p'), event({ type: 'finished', round: 9, parametersHash: '' })], undefined]
  ])('%s', (_when, events, why) => {
    const readiness = new Readiness()
    for (const each of events) readiness.add(each)
    expect(readiness.why).toBe(why)
    readiness.leave()
    readiness.add(event({ type: 'resumed', reason: '' }))
    expect(readiness.why).toBe('this peer is leaving the run')
  })
})

describe('bytes on links', () => {
  const row = (peer: string, tensorBytesSent: number): LinkStatistics => ({
    peer,
    roundTripMilliseconds: 20,
    throughput: undefined,
    tensorBytesSent,
    tensorBytesReceived: 0,
    controlBytesSent: 0,
    controlBytesReceived: 0
  })
  const sent = async (registry: Registry) => {
    const { values } = exposition(await registry.metrics())
    const found = [...values].filter(([series]) => /direction="sent",plane="tensor"/.test(series))
    return Object.fromEntries(found.map(([series, value]) => [/peer="(\w+)"/.exec(series)?.[1], value]))
  }

  test('of members have series of their own; those of all others are one, from which nothing is taken', async () => {
    const registry = new Registry()
    const links = new LinkMetrics(registry)
    links.update([row('q', 10), row('r', 1)])
    links.members(['p', 'q'])
    links.update([row('q', 15), row('r', 2)])
    expect(await sent(registry)).toEqual({ q: 5, others: 12 })
  })

  test('of a row that is gone are in the one that took them, and counted once', async () => {
    const registry = new Registry()
    const links = new LinkMetrics(registry)
    links.members(['q'])
    links.update([row('q', 10), row('r', 7), row('s', 1)])
    links.update([row('others', 17), row('s', 2)])
    links.update([row('others', 17), row('s', 2), row('q', 4)])
    expect(await sent(registry)).toEqual({ q: 14, others: 9 })
    links.update([row('others', 21), row('s', 2), row('q', 1)])
    expect(await sent(registry)).toEqual({ q: 14, others: 10 })
  })

  test('are counted once, however often they are told', async () => {
    const registry = new Registry()
    const links = new LinkMetrics(registry)
    links.members(['q'])
    for (const bytes of [10, 10, 13]) links.update([row('q', bytes)])
    expect(await sent(registry)).toEqual({ q: 13 })
  })

  test('of a crowd are not more than 64 series and the rest', async () => {
    const registry = new Registry()
    const links = new LinkMetrics(registry)
    const crowd = Array.from({ length: 500 }, (_, number) => `p${number}`)
    links.members(crowd)
    links.update(crowd.map((peer) => row(peer, 1)))
    const found = await sent(registry)
    expect(Object.keys(found)).toHaveLength(65)
    expect(found['others']).toBe(500 - 64)
    expect(await registry.metrics()).toContain('peergrad_link_round_trip_seconds{peer="p0"} 0.02')
  })
})

describe('the endpoint', () => {
  const network = (answer: Promise<never> | undefined) => ({
    statistics: async () => answer ?? { longestBlockMilliseconds: 7 },
    metrics: async () => answer ?? '# HELP libp2p_x x\n# TYPE libp2p_x gauge\nlibp2p_x 1\n',
    links: () => [],
    connected: () => ['q']
  })
  const never = new Promise<never>(() => undefined)

  test('says all that is known, and nothing that is not', async () => {
    const endpoint = new MetricsEndpoint()
    const before = exposition(await endpoint.text()).values
    expect([...before.keys()]).not.toContain('peergrad_training_loss{}')
    expect(before.get('peergrad_ready{}')).toBe(0)
    endpoint.network(network(undefined))
    endpoint.store({ usage: async () => ({ bytes: 5, limit: 50 }) })
    endpoint.add(event({ type: 'view', number: 0, members: ['p', 'q'] }))
    const { values } = exposition(await endpoint.text())
    expect(Object.fromEntries(values)).toMatchObject({
      'peergrad_ready{}': 1,
      'peergrad_view_members{}': 2,
      'peergrad_connected_peers{}': 1,
      'peergrad_network_longest_block_seconds{}': 0.007,
      'peergrad_store_bytes{}': 5,
      'peergrad_store_limit_bytes{}': 50,
      'libp2p_x{}': 1
    })
  })

  test('answers without a network thread that hangs, which makes it ill; a store that fails costs its numbers only', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const endpoint = new MetricsEndpoint()
    expect(await endpoint.ill()).toBeUndefined()
    endpoint.network(network(never))
    endpoint.store({ usage: () => Promise.reject(new PeergradError('crashed', 'gone')) })
    const answers = Promise.all([endpoint.ill(), endpoint.text()])
    await vi.advanceTimersByTimeAsync(5000)
    const [ill, text] = await answers
    expect(ill).toBe('the network thread has not answered within 5 s')
    const { values } = exposition(text)
    expect(values.get('peergrad_connected_peers{}')).toBe(1)
    expect([...values.keys()].filter((series) => series.startsWith('libp2p_'))).toEqual([])
    endpoint.network(network(undefined))
    expect(await endpoint.ill()).toBeUndefined()
  })

  test('is well while the network thread still waits for a router, and its health takes nothing from a scrape', async () => {
    const endpoint = new MetricsEndpoint()
    const blocks = [70, 3, 0]
    const statistics = async () => ({ longestBlockMilliseconds: blocks.shift()! })
    const starting = { ...network(undefined), addresses: () => never, statistics }
    endpoint.network(starting)
    expect(await endpoint.ill()).toBeUndefined()
    const longest = async () => exposition(await endpoint.text()).values.get('peergrad_network_longest_block_seconds{}')
    expect([await longest(), await longest()]).toEqual([0.07, 0])
  })

  test('makes one scrape of several at a time', async () => {
    const endpoint = new MetricsEndpoint()
    const usage = vi.fn(async () => ({ bytes: 1, limit: 2 }))
    endpoint.store({ usage })
    await Promise.all([endpoint.text(), endpoint.text(), endpoint.text()])
    expect(usage).toHaveBeenCalledTimes(2) // the bytes and the limit
  })
})

describe('the server', () => {
  const init = {
    address: { host: '127.0.0.1', port: 0 },
    metrics: async () => ({ text: 'x 1\n', type: 'text/plain; version=0.0.4' }),
    ill: async () => 'ill',
    unready: () => 'not now'
  }

  test('answers what it is asked and nothing else', async () => {
    const server = await startMetricsServer(init)
    const ask = async (path: string, method = 'GET') => {
      const answer = await fetch(new URL(path, server.url), { method })
      return [answer.status, await answer.text()]
    }
    try {
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
      expect(await ask('/metrics?x=1')).toEqual([200, 'x 1\n'])
      expect(await ask('/metrics', 'HEAD')).toEqual([200, ''])
      expect(await ask('/metrics', 'POST')).toEqual([405, 'there is only GET\n'])
      expect(await ask('/healthz')).toEqual([503, 'ill\n'])
      expect(await ask('/readyz')).toEqual([503, 'not now\n'])
      expect((await ask('/'))[0]).toBe(404)
    } finally {
      await server.close()
    }
  })

  test('says that the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const failed = startMetricsServer({ ...init, address: { host: '127.0.0.1', port } })
    await expect(failed).rejects.toMatchObject({ code: 'argument', message: expect.stringContaining('is taken') })
    other.close()
  })

  test('says that the address is not of this machine', async () => {
    const failed = startMetricsServer({ ...init, address: { host: '192.0.2.1', port: 0 } })
    await expect(failed).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringContaining('192.0.2.1:0 is no address of this machine')
    })
  })
})
