import {
  checkTensorMark,
  decodeTensorHeader,
  encodeTensorMark,
  encodeTensorRequest,
  PeergradError,
  TENSOR_ACKNOWLEDGEMENT,
  TENSOR_BLOCK_ELEMENTS,
  TENSOR_END,
  TENSOR_HEADER_BYTES,
  TENSOR_MARK_BYTES
} from '@peergrad/core'
import type { Digest, Offence, PeerId, TensorRefusal, TensorRequest } from '@peergrad/core'
import type { WireReader } from './wire-reader.js'
import type { Wire } from './wire.js'

const BLOCK_BYTES = TENSOR_BLOCK_ELEMENTS * 4

/** A part of a tensor on its way, or all of it. */
export interface Transfer {
  readonly digest: Digest
  /** of the whole, as promised */
  readonly bytes: number
  /** whether the holder itself promised it */
  readonly vouched: boolean
  /** where in the whole the part starts */
  readonly offset: number
  /** where the part goes, as many bytes as it has */
  readonly target: Uint8Array
  /** bytes of the part in place, counted in whole blocks while it is under way */
  done: number
}

/** What a sender did that no honest one does. */
export class SenderViolation extends PeergradError {
  readonly offence: Offence

  constructor(offence: Offence, message: string) {
    super('corrupt', message, { offence })
    this.offence = offence
  }
}

/**
 * Asks the wire's peer for what the transfer lacks and writes it in place, chunk by chunk. The bytes are checked for
 * number only. `received` counts every payload byte. Errors: `missing`, `refused`, `full` as the holder says; `corrupt`
 * for a whole of another length than somebody else promised; SenderViolation for a holder that does not keep to header or
 * length; else why the wire broke.
 */
export async function pull(
  wire: Wire,
  reader: WireReader,
  transfer: Transfer,
  received: (bytes: number) => void
): Promise<void> {
  const { target, done: start } = transfer
  wire.send(encodeTensorRequest(rest(transfer)))
  checkHeader(await reader.read(TENSOR_HEADER_BYTES), wire, transfer)
  let position = start
  const payload = reader.flow((chunk) => {
    const part = chunk.subarray(0, target.byteLength - position)
    target.set(part, position)
    position += part.byteLength
    received(part.byteLength)
    // the last block counts when the end mark came: what is asked for again is never nothing
    const most = Math.min(position, target.byteLength - 1)
    transfer.done = most - (most % BLOCK_BYTES)
    return position < target.byteLength ? undefined : chunk.subarray(part.byteLength)
  })
  await payload.catch((thrown: unknown) => {
    const error = PeergradError.from(thrown)
    // a link that breaks resets the stream; to end it in good order is a statement that this was all
    if (error.data['ended'] !== true) throw error
    const message = `${wire.peer} ended after ${position - start} of ${target.byteLength - start} bytes that it promised`
    throw new SenderViolation('wrong-length', message)
  })
  checkEnd(await reader.read(TENSOR_MARK_BYTES), wire, target.byteLength)
  transfer.done = target.byteLength
  wire.send(encodeTensorMark(TENSOR_ACKNOWLEDGEMENT))
}

/** What the transfer lacks. Up to the end there is no count: a holder whose whole is another one shall say so. */
function rest({ digest, bytes, offset, target, done }: Transfer): TensorRequest {
  const toTheEnd = offset + target.byteLength === bytes
  return { digest, offset: (offset + done) / 4, count: toTheEnd ? 0 : (target.byteLength - done) / 4 }
}

function checkHeader(received: Uint8Array, wire: Wire, transfer: Transfer): void {
  const { digest, bytes, vouched, offset, target, done } = transfer
  const header = decoded(received, wire)
  const { peer } = wire
  if (header.status !== 'ok') throw refusal(header.status, peer, digest)
  if (header.total * 4 !== bytes) {
    const message = `${peer} has ${header.total * 4} bytes of ${digest}, expected the ${bytes} announced`
    throw vouched ? new SenderViolation('wrong-length', message) : new PeergradError('corrupt', message, { peer })
  }
  const first = (offset + done) / 4
  const count = (target.byteLength - done) / 4
  if (header.digest !== digest || header.offset !== first || header.count !== count) {
    const message = `${peer} answered with ${header.count} elements from ${header.offset} on of ${header.digest}`
    throw new SenderViolation('malformed', `${message}, expected ${count} from ${first} on of ${digest}`)
  }
}

function refusal(status: TensorRefusal['status'], peer: PeerId, digest: Digest): PeergradError {
  switch (status) {
    case 'missing':
      return new PeergradError('missing', `${peer} does not serve ${digest}`, { peer, digest })
    case 'refused':
      return new PeergradError('refused', `${peer} does not admit this peer`, { peer })
    case 'busy':
      return new PeergradError('full', `${peer} serves too many transfers to this peer already`, { peer })
  }
}

function decoded(bytes: Uint8Array, wire: Wire): ReturnType<typeof decodeTensorHeader> {
  try {
    return decodeTensorHeader(bytes)
  } catch (error) {
    throw new SenderViolation('malformed', `${wire.peer}: ${PeergradError.from(error).message}`)
  }
}

function checkEnd(bytes: Uint8Array, wire: Wire, length: number): void {
  try {
    checkTensorMark(bytes, TENSOR_END)
  } catch {
    throw new SenderViolation('oversize', `${wire.peer} sent more than the ${length} bytes that it promised`)
  }
}
