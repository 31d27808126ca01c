import { mkdtempSync, rmSync } from 'node:fs'
import type { NetworkInterfaceInfo } from 'node:os'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { Arena, type PeerId } from '@peergrad/core'
import { createNetworkMesh, reachOf, type NetworkMesh, type NetworkMeshInit } from '@peergrad/peer'
import { afterAll, describe, expect, it } from 'vitest'
import { dialable } from '../dist/network/addresses.js'
import { Dials, type DialsInit } from '../dist/network/dials.js'
import { dialOrder } from '../dist/network/reach/dial-order.js'
import { LocalAddresses } from '../dist/network/reach/local-addresses.js'
import { RelayGate } from '../dist/network/reach/relay.js'
import { Reservations } from '../dist/network/reach/reservations.js'
import { carries, meets } from './meshes.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-reach-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ID = '12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg'

const interfaces = (...cidrs: string[]) => ({
  lo: [{ address: '127.0.0.1', cidr: '127.0.0.1/8', internal: true } as NetworkInterfaceInfo],
  eth0: cidrs.map((cidr) => ({ address: cidr.split('/')[0]!, cidr, internal: false }) as NetworkInterfaceInfo)
})

describe('how far an address reaches', () => {
  it.each([
    ['/ip4/127.0.0.1/tcp/1', 'loopback', false],
    ['/ip6/::1/tcp/1', 'loopback', false],
    ['/dns4/localhost/tcp/1', 'loopback', false],
    ['/ip4/169.254.3.4/tcp/1', 'link', false],
    ['/ip6/fe80::1/tcp/1', 'link', false],
    ['/ip4/172.31.255.255/tcp/1', 'lan', false],
    ['/ip4/172.32.0.0/tcp/1', 'public', false],
    ['/ip4/100.64.0.1/tcp/1', 'lan', false],
    ['/ip6/fd00::1/tcp/1', 'lan', false],
    ['/ip6/2001:db8::1/tcp/1', 'public', false],
    ['/dns4/example.org/tcp/1', 'public', false],
    [`/ip4/192.168.1.1/tcp/1/p2p/${ID}/p2p-circuit`, 'lan', true]
  ])('%s: %s', (address, scope, relayed) => {
    expect(reachOf(address)).toEqual({ scope, relayed })
  })

  it('decides the order in which addresses are handed out: a relay after what is direct and as far', () => {
    const relay = `/ip4/192.0.2.1/tcp/1/p2p/${ID}/p2p-circuit`
    const given = ['/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1', relay, '/ip4/192.0.2.2/tcp/1']
    const order = dialable(
      given.map((address) => multiaddr(address)),
      'x'
    ).map((address) => address.split('/')[2])
    expect(order).toEqual(['192.0.2.2', '192.0.2.1', '10.0.0.1', '127.0.0.1'])
  })
})

it('a place at a relay is held for as long as its address is there, not the connection', async () => {
  const at = `/ip4/198.51.100.1/tcp/4001/p2p/${ID}`
  const connection = { status: 'open', remotePeer: { toString: () => ID }, remoteAddr: multiaddr(at) }
  let addresses = [multiaddr(`${at}/p2p-circuit`)]
  const transportManager = { listen: async () => undefined, getAddrs: () => addresses }
  const reservations = new Reservations({ services: { internals: { transportManager } } } as never)
  await reservations.reserve(connection as never)
  expect(reservations.has(ID)).toBe(true)
  // asked again after two hours the relay did not answer
  addresses = []
  expect(reservations.has(ID)).toBe(false)
})

describe('the order of dials', () => {
  it('is a neighbour, the public, a relay, private networks of others, loopback', () => {
    const sort = dialOrder(new LocalAddresses(() => interfaces('192.168.1.7/24')))
    const order = [
      '/ip4/192.168.1.9/tcp/1',
      '/ip4/198.51.100.1/tcp/1',
      `/ip4/198.51.100.2/tcp/1/p2p/${ID}/p2p-circuit`,
      '/ip4/192.168.2.9/tcp/1',
      '/ip4/127.0.0.1/tcp/1'
    ]
    const addresses = [...order].reverse().map((text) => ({ multiaddr: multiaddr(text), isCertified: false }))
    expect(addresses.sort(sort).map((address) => address.multiaddr.toString())).toEqual(order)
  })
})

describe("this machine's addresses", () => {
  it('say which came and which are gone, loopback apart', () => {
    let now = interfaces('10.0.0.1/24', 'fd00::1/64')
    const local = new LocalAddresses(() => now)
    expect(local.look()).toEqual({ came: [], gone: [] })
    now = interfaces('10.0.1.2/24', 'fd00::1/64')
    expect(local.look()).toEqual({ came: ['10.0.1.2'], gone: ['10.0.0.1'] })
    expect(['10.0.1.2', '10.0.0.1', '127.0.0.1'].map((host) => local.has(host))).toEqual([true, false, false])
    expect(['10.0.1.9', '10.0.0.9', 'fd00::9'].map((host) => local.near(host))).toEqual([true, false, true])
  })
})

describe('who may use a relay', () => {
  const gate = (use: 'auto' | 'on') =>
    new RelayGate({ use, excluded: (peer) => peer === 'liar', known: (peer) => peer === 'friend' })

  it.each([
    ['auto', 'friend', false],
    ['auto', 'stranger', true],
    ['on', 'stranger', false],
    ['on', 'liar', true]
  ] as const)('%s: a place for a %s is denied: %s', (use, peer, denied) => {
    expect(gate(use).deniesReservation(peer)).toBe(denied)
  })

  it('connects a newcomer to one that has a place, and nobody to or from one that is excluded', () => {
    expect(gate('auto').deniesConnection('stranger', 'friend')).toBe(false)
    expect(gate('auto').deniesConnection('liar', 'friend')).toBe(true)
    expect(gate('on').deniesConnection('friend', 'liar')).toBe(true)
  })
})

describe('a dial that comes in', () => {
  const DIRECT = multiaddr('/ip4/192.0.2.1/tcp/1')
  const RELAYED = multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${ID}/p2p-circuit/p2p/${ID}`)

  /** What the smaller id (a) or the larger one (z) says to a dial of ID. */
  function judge(self: 'a' | 'z', there: readonly boolean[], init: Partial<DialsInit> = {}) {
    const cut: PeerId[] = []
    const dials = new Dials({
      node: { getConnections: () => (cut.length > 0 ? [] : there.map((direct) => ({ direct }))) } as never,
      self: self === 'a' ? '0' : 'z',
      excluded: () => false,
      dialling: () => false,
      quiet: () => 100,
      cut: (peer) => cut.push(peer),
      ...init
    })
    return (remoteAddr: typeof DIRECT) => ({ denied: dials.denies(ID, { remoteAddr }), cut })
  }

  it('of a peer that is there is denied by the smaller id, which dials itself', () => {
    expect(judge('a', [true])(DIRECT).denied).toBe(true)
    expect(judge('z', [true])(DIRECT).denied).toBe(false)
    expect(judge('a', [], { dialling: () => true })(DIRECT).denied).toBe(true)
    expect(judge('a', [])(DIRECT).denied).toBe(false)
  })

  it('replaces a relayed connection when it is direct, and only then', () => {
    expect(judge('a', [false])(DIRECT).denied).toBe(false)
    expect(judge('a', [false])(RELAYED).denied).toBe(true)
    expect(judge('a', [true])(RELAYED).denied).toBe(true)
  })

  it('of a peer that has been silent replaces what was there: it has another address', () => {
    expect(judge('a', [true], { quiet: () => 1000 })(DIRECT)).toEqual({ denied: false, cut: [ID] })
    expect(judge('a', [true], { quiet: () => 999 })(DIRECT)).toEqual({ denied: true, cut: [] })
    expect(judge('a', [true], { quiet: () => undefined })(DIRECT)).toEqual({ denied: true, cut: [] })
  })

  it('of a peer that beats as rarely as each of a thousand does cuts nothing', () => {
    const many = Array<boolean>(1000).fill(true)
    expect(judge('a', many, { quiet: () => 4000 })(DIRECT)).toEqual({ denied: true, cut: [] })
    expect(judge('a', many, { quiet: () => 8000 })(DIRECT)).toEqual({ denied: false, cut: [ID] })
  })

  it('of an excluded peer is denied', () => {
    expect(judge('z', [], { excluded: () => true })(DIRECT).denied).toBe(true)
  })
})

describe('a peer that nobody can dial', () => {
  const arena = Arena.create({ bytes: 64 << 20 })
  const meshes: NetworkMesh[] = []
  afterAll(() => Promise.all(meshes.map((mesh) => mesh.close())))

  async function start(name: string, init: Partial<NetworkMeshInit> = {}): Promise<NetworkMesh> {
    const listen = ['/ip4/127.0.0.1/tcp/0']
    const identityFile = join(folder, name)
    const mesh = await createNetworkMesh({ identityFile, listen, topic: 'reach', memory: arena.memory, ...init })
    meshes.push(mesh)
    return mesh
  }

  it('is joined through its relay, which carries vectors of more than a handshake', async () => {
    const relay = await start('relay')
    const hidden = await start('hidden', { listen: [], via: await relay.addresses() })
    const [address = ''] = await hidden.addresses()
    expect(address).toContain(`/p2p/${relay.self}/p2p-circuit/p2p/${hidden.self}`)
    const other = await start('other')
    await other.dial(address)
    await Promise.all([meets(other, hidden.self), meets(hidden, other.self)])

    expect(await carries(hidden, other, arena, 2_000_000)).toBe('stream')
  })
})
