import { PeergradError } from '@peergrad/core'
import type { Digest, ErrorCode, FetchReport, Offence, PeerId } from '@peergrad/core'
import { onAbort } from '../deferred.js'
import type { Links } from './links.js'
import { interruption, networkError } from './network-error.js'
import { paceWindow } from './pace.js'
import { Slots } from './slots.js'
import { pull, SenderViolation } from './tensor-pull.js'
import type { Transfer } from './tensor-pull.js'
import { TRANSFERS_PER_PEER } from './tensor-server.js'
import type { WireReader } from './wire-reader.js'
import type { Lane, Wire } from './wire.js'
import { within } from './within.js'

/** The least that a sender must bring in each pace window; below it is cut as a slow-loris. */
const MINIMUM_PACE_BYTES = 16 * 1024

/** Answers after which the wire is as good as before. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['missing', 'full'])

/** A way to a holder. */
export interface OpenWire {
  readonly wire: Wire
  readonly reader: WireReader
  /** Gives the wire back for the next transfer, or ends it. */
  release(): void
  /** The wire broke. True when the next one will be of another lane. */
  broke(): boolean
}

export interface TensorClientInit {
  readonly links: Links
  readonly report: (peer: PeerId, offence: Offence) => void
  /** Rejects when the peer cannot be reached on any lane. */
  readonly open: (peer: PeerId, signal: AbortSignal) => Promise<OpenWire>
}

export interface PullRequest {
  readonly digest: Digest
  /** of the whole, as announced */
  readonly bytes: number
  /** who announced that */
  readonly announcer: PeerId | undefined
  /** where in the whole the part starts that is wanted */
  readonly offset: number
  readonly from: readonly PeerId[]
  /** as many bytes as the part has */
  readonly target: Uint8Array
  /** milliseconds for the whole */
  readonly deadline: number
  readonly signal: AbortSignal
}

/**
 * The receiver's side of the bulk protocol: whom to ask, pace, resume. A link that broke is taken up again at the last
 * whole block, with the same holder.
 */
export class TensorClient {
  readonly #init: TensorClientInit
  readonly #slots = new Slots(TRANSFERS_PER_PEER)

  constructor(init: TensorClientInit) {
    this.#init = init
  }

  fetch(request: PullRequest): Promise<FetchReport> {
    return within(request.deadline, request.signal, (limit) => this.#fetch(request, limit))
  }

  async #fetch(
    { digest, bytes, announcer, offset, from, target, deadline }: PullRequest,
    limit: AbortSignal
  ): Promise<FetchReport> {
    const start = performance.now()
    let failure = new PeergradError('argument', `fetch ${digest}: got nobody to ask, expected a holder`)
    for (const peer of from) {
      // another holder starts anew: bytes of two senders in one vector would leave nobody to blame for a wrong digest
      const transfer: Transfer = { digest, bytes, vouched: peer === announcer, offset, target, done: 0 }
      for (let progress = true; progress;) {
        const before = transfer.done
        try {
          const pace = paceWindow(deadline, this.#init.links.roundTripOf(peer))
          const lane = await this.#attempt(peer, transfer, pace, limit)
          return { from: peer, milliseconds: performance.now() - start, lane }
        } catch (thrown) {
          if (limit.aborted) throw interruption(limit, `fetch ${digest} from ${peer}`)
          failure = networkError(thrown, `fetch ${digest} from ${peer}`)
          if (thrown instanceof SenderViolation) this.#init.report(peer, thrown.offence)
          // a link that broke on the way is worth another try; a peer that refuses, lies or stalls is not
          progress = failure.code === 'unreachable' && (transfer.done > before || failure.data['otherLane'] === true)
        }
      }
    }
    throw failure
  }

  async #attempt(peer: PeerId, transfer: Transfer, pace: number, limit: AbortSignal): Promise<Lane> {
    const release = await this.#slots.take(peer, limit)
    try {
      const open = await within(pace, limit, (signal) => this.#init.open(peer, signal))
      return await this.#pull(open, transfer, pace, limit)
    } finally {
      release()
    }
  }

  async #pull(
    { wire, reader, release, broke }: OpenWire,
    transfer: Transfer,
    pace: number,
    limit: AbortSignal
  ): Promise<Lane> {
    const { peer } = wire
    const start = performance.now()
    let bytes = 0
    let seen = 0
    const clock = setInterval(() => {
      if (bytes - seen < MINIMUM_PACE_BYTES) {
        const message = `${peer} sent ${bytes - seen} bytes in ${pace} ms, expected at least ${MINIMUM_PACE_BYTES}`
        wire.abort(new PeergradError('timeout', message, { peer }))
      }
      seen = bytes
    }, pace)
    const stop = onAbort(limit, () => wire.abort(interruption(limit, `fetch from ${peer}`)))
    try {
      await pull(wire, reader, transfer, (count) => {
        bytes += count
        this.#init.links.tensor(peer, 'received', count)
      })
      this.#init.links.transfer(peer, bytes, performance.now() - start)
      release()
      return wire.lane
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      if (REFUSALS.has(error.code)) release()
      else if (error.code === 'refused') wire.close()
      else wire.abort(error)
      if (error.code !== 'unreachable' || !broke()) throw error
      throw new PeergradError('unreachable', error.message, { otherLane: true }, { cause: error })
    } finally {
      clearInterval(clock)
      stop()
    }
  }
}
