import type { RunManifest, Lineage, PeerId } from '@peergrad/core'
import type { About, DialBack, Received } from './messages.js'

/** A peer that was reached, and what it can be asked. Every question rejects with `timeout`, `unreachable` or `refused`. */
export interface Visit {
  /** as it was given */
  readonly address: string
  readonly peer: PeerId
  /** the address names the peer, as --join needs it */
  readonly named: boolean
  /** TCP port of this side's end of the connection to it, or to the relay, where that can be known */
  readonly localPort: number | undefined
  /** through a relay, which carries only so much */
  readonly limited: boolean
  /** it relays for others (circuit relay v2) */
  readonly relays: boolean
  /** What the peer says of itself, by the quickest of several answers. */
  about(): Promise<Seen>
  /** Has the peer connect to a port of this host, as it sees it. */
  dialBack(port: number): Promise<DialBack>
  /**
   * Meets a peer that was reached through a relay without it, as peers of a run do: dials it, and when that does not help both
   * dial at once. From then on it is asked directly.
   */
  meet(): Promise<'dialled' | 'punched'>
  /** How many bytes pass in about a second. */
  measure(direction: 'to' | 'from', roundTrip: number): Promise<Received>
  /** The run as the peer tells it; `offset` of its clock, so that the question is fresh to it. */
  run(offset: number): Promise<SeenRun>
}

/** `observed` is where the relay sees this side, when one is in between and says so. */
export interface Seen extends About {
  /** milliseconds */
  readonly roundTrip: number
  /** its clock minus ours in milliseconds, wrong by half the round trip at most */
  readonly offset: number
}

export interface SeenRun {
  readonly manifest: RunManifest
  readonly lineage: Lineage
  /** it trains */
  readonly running: boolean
  /** what was asked, by whom and when, and what the peer showed for it to prove that it belongs to the run */
  readonly question: { readonly from: PeerId; readonly to: PeerId; readonly nonce: string; readonly time: number }
  readonly credential: Uint8Array | null
}

/** Looks at other peers, and takes part in no run: a node with a key that is kept nowhere, which listens nowhere. */
export interface Doctor {
  /**
   * Errors with `data.fault`: `argument` for an address that is none, `unreachable` for one that is `unresolved`,
   * `refused`, `timeout`, `unroutable`, `not-relayed` or of something that is `not-libp2p`; `refused` for another peer than the address
   * names (`wrong-peer`) or one that is `not-peergrad` or `too-old` for this.
   */
  visit(address: string): Promise<Visit>
  close(): Promise<void>
}

export interface DoctorInit {
  /** milliseconds that a dial, and an answer, may take */
  readonly patience?: number
}

export async function openDoctor(init: DoctorInit = {}): Promise<Doctor> {
  // a peer that trains has libp2p in its network thread alone
  await import('../network/with-resolvers.js')
  const { DoctorNode } = await import('./node.js')
  return DoctorNode.start(init)
}
