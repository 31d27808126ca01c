import '../dist/network/with-resolvers.js'
import type { StreamHandler } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { openDoctor, type Doctor, type Visit } from '@peergrad/peer'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bareNode } from '../dist/doctor/bare-node.js'
import { decodeQuestion, encode } from '../dist/doctor/messages.js'
import { PROBE } from '../dist/doctor/probe.js'
import { DoctorServer } from '../dist/doctor/server.js'
import type { NetworkNode } from '../dist/network/node.js'

const RELAYED = `/ip4/127.0.0.1/tcp/1/p2p/12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg/p2p-circuit`

describe('what a peer does for a doctor', () => {
  const nodes: NetworkNode[] = []
  let doctor: Doctor
  beforeAll(async () => void (doctor = await openDoctor()))
  afterAll(async () => {
    await doctor.close()
    await Promise.all(nodes.map((node) => node.stop()))
  })

  /** To a peer that sees its askers at the given address, or where they are. */
  async function visit(seenAt?: string): Promise<Visit> {
    const { node } = await bareNode(['/ip4/127.0.0.1/tcp/0'])
    nodes.push(node)
    const handle: NetworkNode['handle'] = (protocol, handler, options) => {
      const elsewhere: StreamHandler = (stream, connection) =>
        handler(
          stream,
          seenAt === undefined ? connection : Object.create(connection, { remoteAddr: { value: multiaddr(seenAt) } })
        )
      return node.handle(protocol, elsewhere, options)
    }
    await new DoctorServer({ node: { handle }, peers: () => [] }).start()
    return doctor.visit(String(node.getMultiaddrs()[0]))
  }

  it('dials back at the address of the asker with a word of its own, so often and no more', async () => {
    const heard: string[] = []
    const listener = createServer((socket) => socket.setEncoding('utf8').on('data', (text: string) => heard.push(text)))
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    const { port } = listener.address() as AddressInfo
    const there = await visit()
    try {
      const back = await there.dialBack(port)
      expect(back).toMatchObject({ host: '127.0.0.1', outcome: 'connected' })
      for (let times = 1; times < 12; times++) await there.dialBack(port)
      await expect(there.dialBack(port)).rejects.toMatchObject({ code: 'refused', data: { refusal: 'too-often' } })
      expect(new Set(heard).size).toBe(heard.length)
      expect(heard).toContain(back.word)
    } finally {
      listener.close()
    }
  })

  it('dials nobody back whom it sees through a relay: that would be the relay', async () => {
    const there = await visit(RELAYED)
    await expect(there.dialBack(4001)).rejects.toMatchObject({ code: 'refused', data: { refusal: 'indirect' } })
    expect((await there.about()).observed).toBe(RELAYED)
  })

  it('moves the bytes of a probe, both ways', async () => {
    const there = await visit()
    for (const direction of ['to', 'from'] as const) {
      const { bytes, milliseconds } = await there.measure(direction, 0)
      expect(bytes).toBeGreaterThan(0)
      expect(bytes).toBeLessThanOrEqual(PROBE.bytes)
      expect(milliseconds).toBeGreaterThan(0)
    }
  })

  it.each([
    [{}],
    [{ kind: 'dial-back' }],
    [{ kind: 'dial-back', port: 0 }],
    [{ kind: 'dial-back', port: 65_536 }],
    [{ kind: 'dial-back', port: '22' }],
    [{ kind: 'send', bytes: -1 }],
    [{ kind: 'receive', bytes: 1e12 }],
    [null]
  ])('does nothing for %j', (question) => {
    expect(() => decodeQuestion(encode(question as object))).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })
})
