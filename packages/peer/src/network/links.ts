import type { LinkStatistics, PeerId } from '@peergrad/core'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Weight of what was measured before in the mean throughput. */
const MEMORY = 0.5

/** Rows of peers that may not take part: who comes with a new identity each time makes no more. */
const STRANGERS = 64
/** In the place of a peer's id: the row that all rows without room are added to. */
const OTHERS = 'others'

/**
 * Bytes, round trip and throughput of each link. Rows outlive the connection: totals are of the whole life of the peer. Of
 * peers that are not admitted only the last ones have rows.
 */
export class Links {
  readonly #rows: Map<PeerId, Writable<LinkStatistics>>
  readonly #received = new Map<PeerId, { bytes: number; milliseconds: number }>()
  readonly #changed = new Set<PeerId>()
  readonly #gone = new Set<PeerId>()
  #admitted: ReadonlySet<PeerId> = new Set()

  /** @param rows where the count goes on */
  constructor(rows: readonly LinkStatistics[] = []) {
    this.#rows = new Map(rows.map((row) => [row.peer, { ...row }]))
  }

  /** Whose rows are kept, from now on. */
  admit(peers: readonly PeerId[]): void {
    this.#admitted = new Set(peers)
  }

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

  /** Copies of the rows that changed since the last call, and whose rows are gone. */
  takeChanged(): { readonly rows: LinkStatistics[]; readonly gone: PeerId[] } {
    const rows = [...this.#changed].map((peer) => ({ ...this.#row(peer) }))
    const gone = [...this.#gone]
    this.#changed.clear()
    this.#gone.clear()
    return { rows, gone }
  }

  #row(peer: PeerId): Writable<LinkStatistics> {
    this.#changed.add(peer)
    let row = this.#rows.get(peer)
    if (row === undefined) {
      if (peer !== OTHERS) this.#makeRoom()
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
      this.#gone.delete(peer)
    }
    return row
  }

  #makeRoom(): void {
    for (const row of this.#rows.values()) {
      if (this.#rows.size < this.#admitted.size + STRANGERS) return
      if (!this.#admitted.has(row.peer) && row.peer !== OTHERS) this.#fold(row)
    }
  }

  #fold(row: LinkStatistics): void {
    const { peer } = row
    const others = this.#row(OTHERS)
    others.tensorBytesSent += row.tensorBytesSent
    others.tensorBytesReceived += row.tensorBytesReceived
    others.controlBytesSent += row.controlBytesSent
    others.controlBytesReceived += row.controlBytesReceived
    this.#rows.delete(peer)
    this.#received.delete(peer)
    this.#changed.delete(peer)
    this.#gone.add(peer)
  }
}
