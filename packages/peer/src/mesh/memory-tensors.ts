import {
  PeergradError,
  type Digest,
  type FetchReport,
  type FetchRequest,
  type Offence,
  type PeerId,
  type Vector
} from '@peergrad/core'
import { deferred, onAbort, type Deferred } from '../deferred.js'
import { paceWindow } from '../network/pace.js'
import { checkPart } from '../network/part.js'
import type { Connection } from './memory-connections.js'
import type { MemoryFabric, Station } from './memory-fabric.js'
import type { MemoryHost } from './memory-host.js'

/** A tensor on its way. */
export interface MemoryTransfer {
  readonly from: PeerId
  readonly to: PeerId
  readonly digest: Digest
  /** of the part that was asked for */
  readonly bytes: number
}

export interface MemoryTensorsInit {
  readonly station: Station
  readonly fabric: MemoryFabric
  readonly report: (peer: PeerId, offence: Offence) => void
  /** a peer read what is served here, to its end */
  readonly served: (transfer: MemoryTransfer) => void
  /** a reader begins, and half of what it asked for is on its way */
  readonly watch: (event: 'begun' | 'half', transfer: MemoryTransfer) => void
}

interface Served {
  readonly vector: Vector
  readers: number
  readonly idle: (() => void)[]
}

/** What of a vector is asked of one holder, and how much of that has come. */
interface Part {
  readonly digest: Digest
  readonly bytes: number
  readonly offset: number
  readonly into: Vector
  /** milliseconds in which something must move */
  readonly pace: number
  done: number
}

/** One try to read a part. */
interface Reading {
  readonly part: Part
  readonly reader: Station
  readonly connection: Connection
  readonly done: Deferred<void>
  readonly pace: PaceClock
}

/** The bulk plane of one peer in memory: what it serves, and what it fetches. */
export class MemoryTensors {
  readonly #init: MemoryTensorsInit
  readonly #served = new Map<Digest, Served>()
  #admitted: ReadonlySet<PeerId> = new Set()

  constructor(init: MemoryTensorsInit) {
    this.#init = init
  }

  admit(peers: readonly PeerId[]): void {
    this.#admitted = new Set(peers)
  }

  serve(digest: Digest, vector: Vector): void {
    if (this.#served.has(digest))
      throw new PeergradError('duplicate', `serve: ${digest} is served already; unserve it first`)
    this.#served.set(digest, { vector, readers: 0, idle: [] })
  }

  async unserve(digest: Digest): Promise<void> {
    const served = this.#served.get(digest)
    this.#served.delete(digest)
    if (served === undefined || served.readers === 0) return
    const idle = deferred<void>()
    served.idle.push(idle.resolve)
    await idle.promise
  }

  async fetch(request: FetchRequest): Promise<FetchReport> {
    const { digest, bytes, announcer, offset = 0, from, into, deadline, signal } = request
    checkPart({ bytes, offset, length: into.byteLength })
    const { station, fabric, report } = this.#init
    const { host } = station
    const start = host.clock.now()
    let over: PeergradError | undefined
    let reading: Deferred<void> | undefined
    const giveUp = (error: PeergradError) => {
      over ??= error
      reading?.reject(over)
    }
    const cancel = host.after(deadline, () =>
      giveUp(new PeergradError('timeout', `fetch ${digest}: not all had come within ${deadline} ms`))
    )
    const aborted = () => giveUp(PeergradError.from(signal?.reason))
    const forget = signal && onAbort(signal, aborted)
    let failure: PeergradError | undefined
    try {
      if (signal?.aborted === true) aborted()
      for (const peer of from) {
        // another holder starts anew: bytes of two senders in one vector would leave nobody to blame
        const pace = paceWindow(deadline, fabric.links.roundTrip(host.peer, peer))
        const part: Part = { digest, bytes, offset, into, pace, done: 0 }
        for (let progress = true; progress;) {
          if (over !== undefined) throw over
          const before = part.done
          reading = deferred()
          try {
            await this.#read(peer, part, reading)
            return { from: peer, milliseconds: host.clock.now() - start, lane: 'memory' }
          } catch (thrown) {
            failure = PeergradError.from(thrown)
            if (failure.code === 'corrupt' && peer === announcer) report(peer, 'wrong-length')
            progress = failure.code === 'unreachable' && part.done > before
          }
        }
      }
      throw failure ?? new PeergradError('argument', `fetch ${digest}: got nobody to ask, expected a holder`)
    } finally {
      cancel()
      forget?.()
    }
  }

  #read(peer: PeerId, part: Part, done: Deferred<void>): Promise<void> {
    const { station, fabric } = this.#init
    const connection = fabric.connections.of(station, peer)
    const holder = connection.other(station) as Station
    const pace = new PaceClock(station.host, part.pace, () =>
      done.reject(new PeergradError('timeout', `${peer} sent nothing for ${part.pace} ms`))
    )
    let cut: (() => void) | undefined = () => {}
    fabric.connections.stream(connection, station, () => {
      if (cut !== undefined) cut = holder.tensors.#send({ part, reader: station, connection, done, pace })
    })
    const forget = connection.onLost(station, done.reject)
    const ended = () => {
      forget()
      pace.close()
      cut?.()
      cut = undefined
    }
    done.promise.then(ended, ended)
    return done.promise
  }

  /** The holder's side of a read. Returns what cuts it. */
  #send(reading: Reading): () => void {
    const { part, reader, connection, done } = reading
    const { station, fabric } = this.#init
    const refuse = (code: 'refused' | 'missing' | 'corrupt', why: string) => {
      const error = new PeergradError(code, `${station.host.peer}: ${why}`)
      fabric.connections.stream(connection, station, () => done.reject(error))
      return () => {}
    }
    const served = this.#served.get(part.digest)
    if (!this.#admitted.has(reader.host.peer)) return refuse('refused', 'not admitted')
    if (served === undefined) return refuse('missing', 'it does not hold it')
    if (served.vector.byteLength !== part.bytes) return refuse('corrupt', 'another length than announced')
    return this.#stream(reading, served)
  }

  #stream({ part, reader, connection, done, pace }: Reading, served: Served): () => void {
    const { station, fabric, watch } = this.#init
    const { digest, into } = part
    const transfer = { from: station.host.peer, to: reader.host.peer, digest, bytes: into.byteLength }
    const before = part.done
    const begun = fabric.clock.now()
    let reading = true
    const end = () => {
      if (!reading) return
      reading = false
      forget()
      served.readers -= 1
      if (served.readers === 0) for (const idle of served.idle.splice(0)) idle()
    }
    const moved = (sent: number) => {
      if (!reading) return
      const last = part.done
      part.done = before + sent - (sent % 4)
      this.#copy(part, last, reader, served.vector)
      if (2 * last < into.byteLength && 2 * part.done >= into.byteLength) watch('half', transfer)
      if (part.done < into.byteLength) return
      end()
      const seconds = (fabric.clock.now() - begun) / 1000
      if (seconds > 0) reader.counts.of(station.host.peer).throughput = (into.byteLength - before) / seconds
      station.host.run(() => this.#init.served(transfer))
      pace.moving(false)
      fabric.connections.stream(connection, station, done.resolve)
    }
    served.readers += 1
    watch('begun', transfer)
    const bytes = into.byteLength - before
    const moving = (moves: boolean) => pace.moving(moves)
    const stop = fabric.transfers.start({ from: station.host, to: reader.host, bytes, moving, moved })
    const cut = () => {
      stop()
      end()
    }
    const forget = connection.onLost(station, cut)
    return cut
  }

  /** What has come of a part since `last`, into the reader's vector and both sides' counts. */
  #copy({ into, offset, done }: Part, last: number, reader: Station, vector: Vector): void {
    const { station, fabric } = this.#init
    if (fabric.deliver === undefined) into.set(vector.subarray((offset + last) / 4, (offset + done) / 4), last / 4)
    else if (done === into.byteLength)
      fabric.deliver(into.length === vector.length ? vector : vector.subarray(offset / 4, (offset + done) / 4), into)
    reader.counts.of(station.host.peer).tensorBytesReceived += done - last
    station.counts.of(reader.host.peer).tensorBytesSent += done - last
  }
}

/** Runs out when a transfer has not moved for a while. */
class PaceClock {
  readonly #host: MemoryHost
  readonly #milliseconds: number
  readonly #onStall: () => void
  #cancel: (() => void) | undefined
  #closed = false

  constructor(host: MemoryHost, milliseconds: number, onStall: () => void) {
    this.#host = host
    this.#milliseconds = milliseconds
    this.#onStall = onStall
    this.moving(false)
  }

  moving(moves: boolean): void {
    this.#cancel?.()
    this.#cancel = moves || this.#closed ? undefined : this.#host.after(this.#milliseconds, this.#onStall)
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }
}
