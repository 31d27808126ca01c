import type { PeerId } from '@peergrad/core'
import { circuitRelayServer, circuitRelayTransport } from '../../bundled/libp2p.js'

/** Whom a peer relays for: whoever said hello as a peer of peergrad, anybody, nobody (and it uses no relay either). */
export type RelayUse = 'auto' | 'on' | 'off'

/**
 * What a relay gives. The limits of circuit relay v2 (15 peers, 2 minutes, 128 KiB a connection) are for a handshake and
 * a hole punched; here vectors go through.
 */
const LIMITS = {
  /** peers that can be reached through one relay: as many as a view has, for two without a place never meet */
  reservations: 1024,
  /** connections through it that one peer dials, one for each of the others */
  connectionsPerPeer: 1024,
  /** of one connection: a run of days notices a new one once a day, and one that was forgotten ends */
  milliseconds: 24 * 3_600_000,
  /** of one connection, both ways: some 700 rounds of 45 MB each way; then it is dialled anew */
  bytes: 64n << 30n
}

/** How circuits are dialled and listened on. */
export const relayTransport = () =>
  circuitRelayTransport({
    maxInboundStopStreams: LIMITS.connectionsPerPeer,
    maxOutboundStopStreams: LIMITS.connectionsPerPeer
  })

/** The service that others are reached through. */
export const relayServer = () =>
  circuitRelayServer({
    maxInboundHopStreams: LIMITS.connectionsPerPeer,
    maxOutboundHopStreams: LIMITS.connectionsPerPeer,
    maxOutboundStopStreams: LIMITS.connectionsPerPeer,
    reservations: {
      maxReservations: LIMITS.reservations,
      defaultDurationLimit: LIMITS.milliseconds,
      defaultDataLimit: LIMITS.bytes
    }
  })

export interface RelayGateInit {
  readonly use: RelayUse
  readonly excluded: (peer: PeerId) => boolean
  /** Whether the peer is connected and takes announcements of peergrad. */
  readonly known: (peer: PeerId) => boolean
}

/** Who may use this peer as a relay. */
export class RelayGate {
  readonly #init: RelayGateInit

  constructor(init: RelayGateInit) {
    this.#init = init
  }

  deniesReservation(peer: PeerId): boolean {
    const { use, excluded, known } = this.#init
    return excluded(peer) || (use === 'auto' && !known(peer))
  }

  /** Who dials need not be known: a newcomer has nothing but the address. */
  deniesConnection(from: PeerId, to: PeerId): boolean {
    return this.#init.excluded(from) || this.#init.excluded(to)
  }
}
