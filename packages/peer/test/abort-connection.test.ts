import '../dist/network/with-resolvers.js'
import type { Connection, MultiaddrConnection } from '@libp2p/interface'
import { afterEach, expect, it } from 'vitest'
import { bareNode } from '../dist/doctor/bare-node.js'
import { abortConnection } from '../dist/network/abort-connection.js'

const open: { stop(): unknown }[] = []
afterEach(async () => {
  for (const node of open.splice(0)) await node.stop()
})

/** A connection of two nodes, and the cable under it. */
async function connected(): Promise<{ connection: Connection; cable: MultiaddrConnection }> {
  const [{ node: listener }, { node: dialer }] = [await bareNode(['/ip4/127.0.0.1/tcp/0']), await bareNode([])]
  open.push(listener, dialer)
  const connection = await dialer.dial(listener.getMultiaddrs()[0]!)
  return { connection, cable: (connection as unknown as { maConn: MultiaddrConnection }).maConn }
}

it('ends a connection', async () => {
  const { connection } = await connected()
  abortConnection(connection, new Error('over'))
  expect(connection.status).not.toBe('open')
})

it('ends one whose cable takes no last word any more, where libp2p throws', async () => {
  const { connection, cable } = await connected()
  void cable.close().catch(() => undefined)
  expect(() => connection.abort(new Error('over'))).toThrow('Cannot write to a stream')
  const second = await connected()
  void second.cable.close().catch(() => undefined)
  abortConnection(second.connection, new Error('over'))
  expect(second.connection.status).not.toBe('open')
})
