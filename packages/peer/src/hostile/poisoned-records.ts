import { encodeFrame, readFrame } from '../network/frames.js'
import { HELLO_PROTOCOL } from '../network/introductions.js'
import { StreamWire } from '../network/stream-wire.js'
import { WireReader } from '../network/wire-reader.js'
import { answering, beside, type TransportFactory } from './transport.js'

/** Bytes of a hello. */
const LIMIT = 64 * 1024
/** An address of a block that is kept for documentation: nobody answers. */
const NOWHERE = '/ip4/192.0.2.1/tcp/4001'

/** Introduces the peers that it knows, and more that there are not, all at addresses where nobody is. */
const poisonedRecords: () => TransportFactory = beside((components) =>
  answering(components, HELLO_PROTOCOL, () => (stream, connection) => {
    const wire = new StreamWire(stream, connection.remotePeer.toString())
    const answer = async () => {
      const hello = await readFrame(new WireReader(wire), LIMIT)
      const { topic } = JSON.parse(Buffer.from(hello).toString()) as { topic: string }
      const known = components.connectionManager.getConnections().map(({ remotePeer }) => remotePeer.toString())
      const addresses = Array.from({ length: 64 }, (_, index) => NOWHERE.replace('4001', String(4001 + index)))
      const peers = [...known, 'nobody', '../../etc'].map((id) => ({ id, addresses }))
      wire.send(encodeFrame(Buffer.from(JSON.stringify({ topic, fastPort: 1, peers }))))
      wire.close()
    }
    answer().catch(() => undefined)
  })
)

export default poisonedRecords
