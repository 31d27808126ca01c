import { HELLO_PROTOCOL } from '../network/introductions.js'
import { REQUEST_PROTOCOL } from '../network/requests.js'
import { TENSOR_PROTOCOL } from '../network/lanes.js'
import { BEATS, TIDINGS } from '../network/straight.js'
import { beside, type TransportFactory } from './transport.js'

/** A frame of 4 GiB is announced, and so much of it sent at once. */
const HEAD = Uint8Array.from([0xff, 0xff, 0xff, 0xff])
const BYTES = 1 << 20
const PROTOCOLS = [REQUEST_PROTOCOL, HELLO_PROTOCOL, TENSOR_PROTOCOL, BEATS.protocol, TIDINGS.protocol]
/** Milliseconds between two tries on a peer. */
const PAUSE = 2000

/** Sends frames that are longer than any limit, on every protocol, to whoever is connected. */
const oversize: () => TransportFactory = beside(({ events, connectionManager }) => {
  events.addEventListener('peer:identify', ({ detail: { connection } }) => {
    const timer = setInterval(() => {
      if (connection.status !== 'open') return clearInterval(timer)
      for (const protocol of PROTOCOLS) void send(protocol)
    }, PAUSE)
    const send = async (protocol: string) => {
      try {
        const [current = connection] = connectionManager.getConnections(connection.remotePeer)
        const stream = await current.newStream(protocol)
        // a throw in a listener of libp2p would end the process
        stream.addEventListener('message', () => undefined)
        stream.send(HEAD)
        stream.send(new Uint8Array(BYTES))
      } catch {
        // the other side has had enough
      }
    }
  })
})

export default oversize
