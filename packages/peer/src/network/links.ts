import type { LinkStatistics, PeerId } from '@peergrad/core'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Weight of what was measured before in the mean throughput. */
const MEMORY = 0.5

/** A row, its bytes added to those that were counted before the count began anew. */
export function withTotals(row: LinkStatistics, past: LinkStatistics | undefined): LinkStatistics {
  if (past === undefined) return row
  return {
    ...row,
    tensorBytesSent: past.tensorBytesSent + row.tensorBytesSent,
    tensorBytesReceived: past.tensorBytesReceived + row.tensorBytesReceived,
    controlBytesSent: past.controlBytesSent + row.controlBytesSent,
    controlBytesReceived: past.controlBytesReceived + row.controlBytesReceived
  }
}

/** Bytes, round trip and throughput of each link. Rows outlive the connection: totals are of the whole life of the thread. */
export class Links {
  readonly #rows = new Map<PeerId, Writable<LinkStatistics>>()
  readonly #received = new Map<PeerId, { bytes: number; milliseconds: number }>()
  readonly #changed = new Set<PeerId>()

  tensor(peer: PeerId, direction: 'sent' | 'received', bytes: number): void {
    const row = this.#row(peer)
    if (direction === 'sent') row.tensorBytesSent += bytes
    else row.tensorBytesReceived += bytes
  }

  control(peer: PeerId, direction: 'sent' | 'received', bytes: number): void {
    const row = this.#row(peer)
    if (direction === 'sent') row.controlBytesSent += bytes
    else row.controlBytesReceived += bytes
  }

  roundTrip(peer: PeerId, milliseconds: number): void {
    if (this.#rows.get(peer)?.roundTripMilliseconds !== milliseconds)
      this.#row(peer).roundTripMilliseconds = milliseconds
  }

  /** Milliseconds; undefined before it was measured. */
  roundTripOf(peer: PeerId): number | undefined {
    return this.#rows.get(peer)?.roundTripMilliseconds
  }

  /** A transfer from the peer ended; recent ones count more. */
  transfer(peer: PeerId, bytes: number, milliseconds: number): void {
    const before = this.#received.get(peer) ?? { bytes: 0, milliseconds: 0 }
    const now = { bytes: before.bytes * MEMORY + bytes, milliseconds: before.milliseconds * MEMORY + milliseconds }
    this.#received.set(peer, now)
    this.#row(peer).throughput = now.milliseconds > 0 ? (now.bytes / now.milliseconds) * 1000 : undefined
  }

  /** Copies of the rows that changed since the last call. */
  takeChanged(): LinkStatistics[] {
    const rows = [...this.#changed].map((peer) => ({ ...this.#row(peer) }))
    this.#changed.clear()
    return rows
  }

  #row(peer: PeerId): Writable<LinkStatistics> {
    this.#changed.add(peer)
    let row = this.#rows.get(peer)
    if (row === undefined) {
      row = {
        peer,
        roundTripMilliseconds: undefined,
        throughput: undefined,
        tensorBytesSent: 0,
        tensorBytesReceived: 0,
        controlBytesSent: 0,
        controlBytesReceived: 0
      }
      this.#rows.set(peer, row)
    }
    return row
  }
}
