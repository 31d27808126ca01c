import {
  checkTensorMark,
  decodeTensorRequest,
  encodeTensorHeader,
  encodeTensorMark,
  PeergradError,
  TENSOR_ACKNOWLEDGEMENT,
  TENSOR_END,
  TENSOR_MARK_BYTES,
  TENSOR_REQUEST_BYTES
} from '@peergrad/core'
import type { Digest, Offence, PeerId, TensorRefusal, TensorRequest } from '@peergrad/core'
import { FrameSize } from './frame-size.js'
import type { Links } from './links.js'
import { ServedTensors } from './served-tensors.js'
import { Turns } from './turns.js'
import { WireReader } from './wire-reader.js'
import type { Wire } from './wire.js'

/** Transfers to one peer at a time; a well-behaved receiver waits for its turn by itself. */
export const TRANSFERS_PER_PEER = 4

/** A receiver that takes no frame for so long is cut, or it would keep a vector from being recycled. */
const STALL_MILLISECONDS = 10_000
/** How long an idle wire waits for the next request. */
const IDLE_MILLISECONDS = 60_000

export interface TensorServerInit {
  readonly links: Links
  readonly report: (peer: PeerId, offence: Offence) => void
  readonly excluded: (peer: PeerId) => boolean
  readonly served: (peer: PeerId, digest: Digest, bytes: number) => void
}

/** The holder's side of the bulk protocol, the same on both lanes. */
export class TensorServer {
  readonly tensors = new ServedTensors()
  readonly #init: TensorServerInit
  #admitted: ReadonlySet<PeerId> = new Set()
  readonly #transfers = new Map<PeerId, number>()
  readonly #wires = new Set<Wire>()
  readonly #turns = new Turns()

  constructor(init: TensorServerInit) {
    this.#init = init
  }

  /** Only these from now on; transfers to others are cut. */
  admit(peers: readonly PeerId[]): void {
    this.#admitted = new Set(peers)
    const cut = new PeergradError('refused', 'no longer admitted')
    for (const wire of this.#wires) if (!this.admits(wire.peer)) wire.abort(cut)
  }

  admits(peer: PeerId): boolean {
    return this.#admitted.has(peer) && !this.#init.excluded(peer)
  }

  /** Cuts the transfers to a peer. */
  expel(peer: PeerId): void {
    for (const wire of this.#wires) if (wire.peer === peer) wire.abort(new PeergradError('refused', 'excluded'))
  }

  /** Answers requests on a wire until it ends. Never throws: what goes wrong ends this wire. */
  async attend(wire: Wire): Promise<void> {
    this.#wires.add(wire)
    try {
      if (this.admits(wire.peer)) await this.#answerAll(wire)
      else {
        refuse(wire, 'refused')
        await lastWord(wire)
      }
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      if (error.code === 'corrupt' && error.data['violation'] === true) this.#init.report(wire.peer, 'malformed')
      wire.abort(error)
    } finally {
      this.#wires.delete(wire)
    }
  }

  close(): void {
    for (const wire of this.#wires) wire.abort(new PeergradError('aborted', 'this peer is closing'))
  }

  async #answerAll(wire: Wire): Promise<void> {
    const reader = new WireReader(wire)
    const patience = new Patience(wire)
    try {
      do {
        patience.expect(wire.lane === 'stream' ? STALL_MILLISECONDS : IDLE_MILLISECONDS)
        const bytes = await reader.read(TENSOR_REQUEST_BYTES)
        const request = ofTheirs(() => decodeTensorRequest(bytes))
        await this.#answer(wire, reader, request, patience)
      } while (wire.lane === 'fast')
      patience.end()
      await lastWord(wire)
    } finally {
      patience.end()
    }
  }

  async #answer(wire: Wire, reader: WireReader, request: TensorRequest, patience: Patience): Promise<void> {
    const { peer } = wire
    const transfers = this.#transfers.get(peer) ?? 0
    if (transfers >= TRANSFERS_PER_PEER) return refuse(wire, 'busy')
    this.#transfers.set(peer, transfers + 1)
    try {
      const sent = await this.tensors.read(request.digest, ({ bytes }) =>
        this.#send(wire, reader, request, bytes, patience)
      )
      if (sent === undefined) return refuse(wire, 'missing')
      this.#init.served(peer, request.digest, sent)
    } finally {
      const left = (this.#transfers.get(peer) ?? 1) - 1
      if (left === 0) this.#transfers.delete(peer)
      else this.#transfers.set(peer, left)
    }
  }

  /** Bytes of the payload that went out, once the receiver has said that it has them. */
  async #send(
    wire: Wire,
    reader: WireReader,
    request: TensorRequest,
    bytes: Uint8Array,
    patience: Patience
  ): Promise<number> {
    const { digest, offset } = request
    const total = bytes.byteLength / 4
    const count = request.count === 0 ? total - offset : request.count
    if (count < 1 || offset + count > total)
      throw violation(`${wire.peer} asked for ${count} elements from ${offset} on of ${total}`)
    wire.send(encodeTensorHeader({ status: 'ok', dtype: 'f32', digest, offset, count, total }))
    await this.#sendPayload(wire, bytes.subarray(offset * 4, (offset + count) * 4), patience)
    wire.send(encodeTensorMark(TENSOR_END))
    patience.expect(STALL_MILLISECONDS)
    const acknowledgement = await reader.read(TENSOR_MARK_BYTES)
    ofTheirs(() => checkTensorMark(acknowledgement, TENSOR_ACKNOWLEDGEMENT))
    return count * 4
  }

  async #sendPayload(wire: Wire, payload: Uint8Array, patience: Patience): Promise<void> {
    const size = new FrameSize()
    for (let at = 0; at < payload.byteLength;) {
      const frame = payload.subarray(at, at + size.bytes)
      at += frame.byteLength
      const send = async () => {
        patience.expect(STALL_MILLISECONDS)
        this.#init.links.tensor(wire.peer, 'sent', frame.byteLength)
        const start = performance.now()
        if (!wire.send(frame)) await wire.drained()
        size.took(performance.now() - start)
      }
      patience.end()
      // yamux serves its streams in the order of their age: two full ones would leave nothing to beats, pings and requests
      if (wire.lane === 'stream') await this.#turns.take(wire.peer, send)
      else await send()
    }
  }
}

/** Aborts a wire whose other side lets us wait. */
class Patience {
  readonly #wire: Wire
  #timer: NodeJS.Timeout | undefined
  #milliseconds = 0

  constructor(wire: Wire) {
    this.#wire = wire
  }

  expect(milliseconds: number): void {
    if (this.#timer !== undefined && milliseconds === this.#milliseconds) {
      this.#timer.refresh()
      return
    }
    this.end()
    this.#milliseconds = milliseconds
    this.#timer = setTimeout(() => {
      this.#wire.abort(new PeergradError('timeout', `${this.#wire.peer} did nothing for ${milliseconds} ms`))
    }, milliseconds)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

function refuse(wire: Wire, status: TensorRefusal['status']): void {
  wire.send(encodeTensorHeader({ status }))
}

/** Closes a wire once the other side has: a stream that ends while its protocol is negotiated loses what was said. */
async function lastWord(wire: Wire): Promise<void> {
  const patience = new Patience(wire)
  patience.expect(STALL_MILLISECONDS)
  await wire.broken
  patience.end()
  wire.close()
}

/** Bytes that no honest peer sends, as opposed to a wire that broke. */
function violation(message: string): PeergradError {
  return new PeergradError('corrupt', message, { violation: true })
}

function ofTheirs<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw violation(PeergradError.from(error).message)
  }
}
