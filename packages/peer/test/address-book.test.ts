import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { Arena } from '@peergrad/core'
import { createNetworkMesh, keptAddresses, type NetworkMeshInit } from '@peergrad/peer'
import { afterAll, describe, expect, it } from 'vitest'
import { newest, readAddressBook, writeAddressBook } from '../dist/network/reach/address-book.js'
import { meets } from './meshes.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-book-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ID = '12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg'
const NOW = 1_800_000_000_000
const DAY = 24 * 3_600_000
const known = (addresses: readonly string[], seen = NOW) => ({ id: ID, addresses: addresses.map(multiaddr), seen })

let count = 0
function file(text?: string): string {
  const path = join(folder, `book-${count++}.json`)
  if (text !== undefined) writeFileSync(path, text)
  return path
}
const book = (...peers: unknown[]) => file(JSON.stringify({ version: 1, peers }))

describe('address book', () => {
  it('gives back what was written, and leaves nothing beside it', async () => {
    const path = file()
    await writeAddressBook(path, [known(['/ip4/192.0.2.1/tcp/4001', '/ip4/10.0.0.1/tcp/4001'])])
    const [peer] = await readAddressBook(path, NOW)
    expect(peer).toMatchObject({ id: ID, seen: NOW })
    expect(peer?.addresses.map(String)).toEqual(['/ip4/192.0.2.1/tcp/4001', '/ip4/10.0.0.1/tcp/4001'])
    expect(readdirSync(folder).filter((name) => name.startsWith(path.split('/').at(-1)!))).toHaveLength(1)
  })

  it('can be read whatever addresses peers say that they have', async () => {
    const path = file()
    const good = '/ip4/192.0.2.1/tcp/4001'
    const { addresses } = known(Array.from({ length: 8 }, (_, index) => `/dns4/${'x'.repeat(7000)}/tcp/${index + 1}`))
    const peers = Array.from({ length: 255 }, (_, n) => ({ id: ID, addresses, seen: NOW - n - 1 }))
    await writeAddressBook(path, [known([good]), ...peers])
    const found = await readAddressBook(path, NOW)
    expect(found.map((peer) => peer.addresses.map(String))).toEqual([[good]])
  })

  it('is empty where there is none', async () => {
    expect(await readAddressBook(file())).toEqual([])
  })

  it('leaves out what is no peer, no address, too old or too much', async () => {
    const address = '/ip4/192.0.2.1/tcp/4001'
    const good = { id: ID, addresses: [...Array<string>(20).fill(address), 'nonsense', 7], seen: NOW }
    const bad = [
      null,
      5,
      {},
      { ...good, id: 'nobody' },
      { ...good, addresses: ['nonsense'] },
      { ...good, addresses: 'x' }
    ]
    const old = { ...good, seen: NOW - 31 * DAY }
    const future = { ...good, seen: NOW + 31 * DAY }
    const found = await readAddressBook(book(...bad, old, good, future), NOW)
    expect(found).toHaveLength(1)
    expect(found[0]?.addresses).toHaveLength(8)
    const many = Array.from({ length: 300 }, (_, n) => known([address], NOW - n))
    expect(newest(many.reverse()).map(({ seen }) => seen)).toEqual(Array.from({ length: 256 }, (_, n) => NOW - n))
  })

  it.each([
    ['nonsense'],
    ['[]'],
    ['{"version":2,"peers":[]}'],
    ['{"version":1,"peers":5}'],
    [' '.repeat((1 << 20) + 1)]
  ])('a file that is none of ours is said, and has no addresses to join through', async (text) => {
    const path = file(text)
    await expect(readAddressBook(path)).rejects.toMatchObject({ code: 'corrupt' })
    expect(await keptAddresses(path)).toEqual([])
  })

  it('has the best address of each peer to join through', async () => {
    const seen = Date.now()
    const path = book({ id: ID, addresses: ['/ip4/192.0.2.1/tcp/4001', '/ip4/10.0.0.1/tcp/1'], seen })
    expect(await keptAddresses(path)).toEqual([`/ip4/192.0.2.1/tcp/4001/p2p/${ID}`])
  })
})

describe('a peer with an address book', () => {
  const arena = Arena.create({ bytes: 1 << 20 })
  const start = (name: string, init: Partial<NetworkMeshInit> = {}) =>
    createNetworkMesh({
      identityFile: join(folder, name),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topic: 'book',
      memory: arena.memory,
      ...init
    })
  it('finds the others again when the one that it came through is gone', async () => {
    const addressBook = join(folder, 'peers.json')
    const first = await start('first')
    const bootstrap = await first.addresses()
    const [second, third] = await Promise.all([
      start('second', { bootstrap }),
      start('third', { bootstrap, addressBook })
    ])
    await Promise.all([meets(third, first.self), meets(third, second.self)])
    await Promise.all([first.close(), third.close()])
    expect(readFileSync(addressBook, 'utf8')).toContain(second.self)
    const again = await start('third', { addressBook })
    await meets(again, second.self)
    await Promise.all([second.close(), again.close()])
  })

  it('keeps where one is that came back elsewhere', async () => {
    const addressBook = join(folder, 'moved.json')
    const keeper = await start('keeper', { addressBook })
    const bootstrap = await keeper.addresses()
    const before = await start('mover', { bootstrap })
    await meets(keeper, before.self)
    await expect.poll(() => keptAddresses(addressBook), { timeout: 10_000 }).toHaveLength(1)
    const left = new Promise<void>((resolve) => keeper.on('disconnect', () => resolve()))
    await before.close()
    await left
    const after = await start('mover', { bootstrap })
    await meets(keeper, after.self)
    await keeper.close()
    expect(await after.addresses()).toEqual(await keptAddresses(addressBook))
    await after.close()
  })
})
