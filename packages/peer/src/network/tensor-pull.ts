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
import type { Digest, Offence, PeerId, TensorRefusal } from '@peergrad/core'
import type { WireReader } from './wire-reader.js'
import type { Wire } from './wire.js'

const BLOCK_BYTES = TENSOR_BLOCK_ELEMENTS * 4

/** A tensor on its way, whoever sends which part of it. */
export interface Transfer {
  readonly digest: Digest
  /** where the bytes go, as many as were promised */
  readonly target: Uint8Array
  /** bytes in place, counted in whole blocks while it is under way */
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
 * number only. `received` counts every payload byte. Errors: `missing`, `refused`, `full` as the holder says;
 * SenderViolation for a holder that does not keep to header or length; else why the wire broke.
 */
export async function pull(
  wire: Wire,
  reader: WireReader,
  transfer: Transfer,
  received: (bytes: number) => void
): Promise<void> {
  const { digest, target, done: start } = transfer
  wire.send(encodeTensorRequest({ digest, offset: start / 4 }))
  checkHeader(await reader.read(TENSOR_HEADER_BYTES), wire, transfer)
  let position = start
  const payload = reader.flow((chunk) => {
    const part = chunk.subarray(0, target.byteLength - position)
    target.set(part, position)
    position += part.byteLength
    received(part.byteLength)
    transfer.done = position - (position % BLOCK_BYTES)
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

function checkHeader(bytes: Uint8Array, wire: Wire, { digest, target, done }: Transfer): void {
  const header = decoded(bytes, wire)
  const { peer } = wire
  if (header.status !== 'ok') throw refusal(header.status, peer, digest)
  if (header.total * 4 !== target.byteLength) {
    const message = `${peer} has ${header.total * 4} bytes of ${digest}, expected the ${target.byteLength} announced`
    throw new SenderViolation('wrong-length', message)
  }
  if (header.digest !== digest || header.offset * 4 !== done) {
    const message = `${peer} answered with ${header.digest} from element ${header.offset}, expected ${digest} from ${done / 4}`
    throw new SenderViolation('malformed', message)
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
