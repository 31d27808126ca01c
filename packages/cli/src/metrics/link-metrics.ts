import type { LinkStatistics, PeerId } from '@peergrad/core'
import { Counter, Gauge, type Registry } from 'prom-client'

/** Peers that have series of their own, so that a crowd of strangers makes no more; what all others carry is one series. */
const NAMED = 64
const OTHERS = 'others'

type Bytes = Pick<
  LinkStatistics,
  'tensorBytesSent' | 'tensorBytesReceived' | 'controlBytesSent' | 'controlBytesReceived'
>

const COUNTED: readonly (readonly [field: keyof Bytes, direction: string, plane: string])[] = [
  ['tensorBytesSent', 'sent', 'tensor'],
  ['tensorBytesReceived', 'received', 'tensor'],
  ['controlBytesSent', 'sent', 'control'],
  ['controlBytesReceived', 'received', 'control']
]

/** What each link carried, by the peer at its other end. */
export class LinkMetrics {
  readonly #bytes: Counter<'peer' | 'direction' | 'plane'>
  readonly #roundTrip: Gauge<'peer'>
  readonly #throughput: Gauge<'peer'>
  readonly #named = new Set<PeerId>()
  /** as they were told last */
  #rows: ReadonlyMap<PeerId, Bytes> = new Map()

  constructor(registry: Registry) {
    const registers = [registry]
    this.#bytes = new Counter({
      name: 'peergrad_link_bytes_total',
      help: 'bytes on the link to a peer, by direction and plane: vectors (tensor), and all other messages (control)',
      labelNames: ['peer', 'direction', 'plane'],
      registers
    })
    this.#roundTrip = new Gauge({
      name: 'peergrad_link_round_trip_seconds',
      help: 'round trip to a peer, as measured last',
      labelNames: ['peer'],
      registers
    })
    this.#throughput = new Gauge({
      name: 'peergrad_link_throughput_bytes_per_second',
      help: 'rate at which vectors came from a peer in the last transfers',
      labelNames: ['peer'],
      registers
    })
  }

  /** Members get series of their own, as long as there are not too many. */
  members(peers: readonly PeerId[]): void {
    for (const peer of peers) if (this.#named.size < NAMED) this.#named.add(peer)
  }

  update(rows: readonly LinkStatistics[]): void {
    this.#count(rows)
    for (const row of rows) {
      if (!this.#named.has(row.peer)) continue
      const { peer, roundTripMilliseconds: milliseconds, throughput } = row
      if (milliseconds !== undefined) this.#roundTrip.set({ peer }, milliseconds / 1000)
      if (throughput !== undefined) this.#throughput.set({ peer }, throughput)
    }
  }

  /**
   * Adds what came since the last time. All others have what is not of the named ones: a peer that becomes a member takes
   * nothing away from them, and neither does a row that is gone, for another one has its bytes.
   */
  #count(rows: readonly LinkStatistics[]): void {
    const named = rows.filter(({ peer }) => this.#named.has(peer))
    for (const [field, direction, plane] of COUNTED) {
      const sum = (all: Iterable<Bytes>) => [...all].reduce((total, row) => total + row[field], 0)
      let rest = sum(rows) - sum(this.#rows.values())
      for (const row of named) {
        // less of one whose row was gone and began anew
        const bytes = Math.max(0, row[field] - (this.#rows.get(row.peer)?.[field] ?? 0))
        this.#bytes.inc({ peer: row.peer, direction, plane }, bytes)
        rest -= bytes
      }
      if (rest > 0) this.#bytes.inc({ peer: OTHERS, direction, plane }, rest)
    }
    this.#rows = new Map(rows.map((row) => [row.peer, row]))
  }
}
