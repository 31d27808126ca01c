import type { LinkStatistics, PeerId } from '@peergrad/core'

type Row = { -readonly [K in keyof LinkStatistics]: LinkStatistics[K] }

/** What one peer counted on its links. */
export class MemoryLinks {
  readonly #rows = new Map<PeerId, Row>()

  /** Counts go on when the peer is connected again. */
  of(peer: PeerId): Row {
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

  list(): readonly LinkStatistics[] {
    return [...this.#rows.values()].map((row) => ({ ...row }))
  }
}
