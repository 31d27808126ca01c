import { replace } from '@peergrad/core'
import { TENSOR_PROTOCOL } from '../network/lanes.js'
import { answering, beside, type TransportFactory } from './transport.js'

const SECOND = 1000

/** Vectors go out a byte a second, and no stream ends before its reader ends it. */
const slowStream: () => TransportFactory = beside((components) =>
  answering(components, TENSOR_PROTOCOL, (honest) => (stream, connection) => {
    const queue: Uint8Array[] = []
    let begun = false
    const timer = setInterval(() => {
      const [first] = queue
      if (first === undefined || stream.writeStatus !== 'writable') return
      stream.send(first.slice(0, 1))
      if (first.byteLength === 1) queue.shift()
      else queue[0] = first.subarray(1)
    }, SECOND)
    stream.addEventListener('close', () => clearInterval(timer))
    const slow = replace(stream, {
      send: (bytes) => {
        // the header: that a transfer begins
        if (!begun) stream.send(bytes)
        else queue.push(bytes instanceof Uint8Array ? bytes : bytes.subarray())
        begun = true
        return true
      },
      abort: () => undefined,
      close: async () => undefined
    })
    return honest(slow, connection)
  })
)

export default slowStream
