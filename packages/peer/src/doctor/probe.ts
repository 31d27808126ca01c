import { PeergradError } from '@peergrad/core'
import type { Wire } from '../network/wire.js'
import type { WireReader } from '../network/wire-reader.js'
import type { Received } from './messages.js'

/** What a measurement of a link may cost. */
export const PROBE = { bytes: 4 << 20, milliseconds: 1000 }
const CHUNK = new Uint8Array(64 << 10)

/** Sends so many zeros, or as many as go out within the time of a probe. Rejects when the wire breaks. */
export async function sendZeros(wire: Wire, bytes: number): Promise<void> {
  const until = performance.now() + PROBE.milliseconds
  for (let left = bytes; left > 0 && performance.now() < until; left -= CHUNK.length) {
    if (!wire.send(CHUNK.subarray(0, Math.min(left, CHUNK.length)))) await wire.drained()
  }
}

/** Counts so many bytes, or as many as come within the time of a probe; what comes later is dropped. */
export async function countBytes(wire: Wire, reader: WireReader, bytes: number): Promise<Received> {
  const start = performance.now()
  let received = 0
  let late: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => (late = setTimeout(resolve, PROBE.milliseconds)))
  const all = reader.flow((chunk) => {
    received += chunk.byteLength
    return received < bytes ? undefined : chunk.subarray(chunk.byteLength)
  })
  try {
    await Promise.race([all.catch(unlessEnded), over])
  } finally {
    clearTimeout(late)
  }
  wire.receive(() => undefined)
  return { bytes: received, milliseconds: performance.now() - start }
}

/** A sender whose time is over sends no more, and that is all of it. */
function unlessEnded(thrown: unknown): void {
  if (PeergradError.from(thrown).data['ended'] !== true) throw thrown
}
