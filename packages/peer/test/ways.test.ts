import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena, type PeerId } from '@peergrad/core'
import { createNetworkMesh, type NetworkMesh, type NetworkMeshInit } from '@peergrad/peer'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Rendezvous } from '../dist/network/reach/rendezvous.js'
import { carries, meets } from './meshes.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-ways-'))
const arena = Arena.create({ bytes: 8 << 20 })
const meshes: NetworkMesh[] = []
afterEach(() => Promise.all(meshes.splice(0).map((mesh) => mesh.close())))
afterAll(() => rmSync(folder, { recursive: true }))

async function start(name: string, init: Partial<NetworkMeshInit> = {}): Promise<NetworkMesh> {
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const identityFile = join(folder, name)
  const mesh = await createNetworkMesh({ identityFile, listen, topic: 'ways', memory: arena.memory, ...init })
  meshes.push(mesh)
  return mesh
}

describe('WebSockets', () => {
  it('carry messages and vectors like TCP', async () => {
    const served = await start('web', { listen: ['/ip4/127.0.0.1/tcp/0/ws'], fastLane: false })
    const [address = ''] = await served.addresses()
    expect(address).toMatch(/\/tcp\/\d+\/ws\/p2p\//)
    const other = await start('browser', { listen: [], bootstrap: [address] })
    await Promise.all([meets(other, served.self), meets(served, other.self)])
    await carries(served, other, arena, 300_000)
  })
})

describe('the hash table', () => {
  it('brings peers of one run together that know a peer of another one only', async () => {
    const dht = true
    const stranger = await start('stranger', { topic: 'another run', dht })
    const bootstrap = await stranger.addresses()
    const [one, two] = await Promise.all([start('one', { bootstrap, dht }), start('two', { bootstrap, dht })])
    for (const mesh of [one, two]) mesh.rendezvous('ab'.repeat(32))
    await Promise.all([meets(one, two.self), meets(two, one.self)])
    expect(one.connected()).toEqual([two.self])
  })

  it('says of which run a peer is, and names those of the same one only', async () => {
    const table = new Map<string, string[]>()
    const peer = (name: string) => {
      const learnt: string[] = []
      const contentRouting = {
        provide: async (key: object) => void table.set(String(key), [...(table.get(String(key)) ?? []), name]),
        async *findProviders(key: object) {
          for (const id of table.get(String(key)) ?? []) yield { id, multiaddrs: [] }
        }
      }
      const learn = async (id: PeerId) => void learnt.push(id)
      const rendezvous = new Rendezvous({ node: { contentRouting } as never, learn, log: () => undefined })
      return { learnt, rendezvous }
    }
    const runs = { one: 'aa', other: 'bb', two: 'aa' }
    const peers = Object.entries(runs).map(([name, run]) => ({ run, ...peer(name) }))
    for (const { rendezvous, run } of peers) {
      rendezvous.look(0)
      rendezvous.open(run)
      rendezvous.look(0)
      await nextTurn()
    }
    expect(peers.map(({ learnt }) => learnt)).toEqual([['one'], ['other'], ['one', 'two']])
  })
})

const EXTERNAL = '5.6.7.8'
const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:2'
const lan = Object.values(networkInterfaces()).some((all = []) =>
  all.some(({ internal, family }) => !internal && family === 'IPv4')
)

/** What a router of the standard says: the description of itself, its public address, and that it opened a port. */
async function startRouter() {
  const asked: { action: string; body: string }[] = []
  const server = createServer((request, response) => {
    const say = (xml: string) =>
      response.writeHead(200, { 'content-type': 'text/xml' }).end(`<?xml version="1.0"?>${xml}`)
    if (request.method === 'GET') return void say(DESCRIPTION)
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const action = /#(\w+)/.exec(String(request.headers.soapaction))?.[1] ?? ''
      asked.push({ action, body })
      const port = /<NewExternalPort>(\d+)/.exec(body)?.[1]
      const values = `<NewExternalIPAddress>${EXTERNAL}</NewExternalIPAddress><NewReservedPort>${port}</NewReservedPort>`
      say(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
        <u:${action}Response xmlns:u="${SERVICE}">${values}</u:${action}Response></s:Body></s:Envelope>`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { asked, url: `http://127.0.0.1:${port}/description.xml`, close: () => server.close() }
}

const DESCRIPTION = `<root xmlns="urn:schemas-upnp-org:device-1-0"><device>
  <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType><UDN>uuid:test</UDN>
  <serviceList><service><serviceType>${SERVICE}</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
  <SCPDURL>/scpd.xml</SCPDURL><controlURL>/control</controlURL><eventSubURL>/events</eventSubURL></service></serviceList>
</device></root>`

describe.skipIf(!lan)('UPnP (needs an address besides loopback)', () => {
  it('asks the router for a port, announces it, and gives it back', async () => {
    const router = await startRouter()
    const mesh = await start('mapped', { listen: ['/ip4/0.0.0.0/tcp/0'], upnp: [router.url] })
    const port = /\/tcp\/(\d+)/.exec((await mesh.addresses())[0]!)?.[1]
    expect(await mesh.addresses()).toContain(`/ip4/${EXTERNAL}/tcp/${port}/p2p/${mesh.self}`)
    const mapping = router.asked.find(({ action }) => action === 'AddAnyPortMapping')
    expect(mapping?.body).toContain(`<NewInternalPort>${port}<`)
    await mesh.close()
    expect(router.asked.map(({ action }) => action)).toContain('DeletePortMapping')
    router.close()
  })
})
