import type { Guest, PeerId } from '@peergrad/core'
import type { Invitation } from './invitation.js'

/** One side of a greeting: what a credential must be good for, and so cannot be used for anything else. */
export interface Claim {
  readonly run: string
  readonly from: PeerId
  readonly to: PeerId
  /** of the greeting, and its time of day in milliseconds; its answer has the same */
  readonly nonce: string
  readonly time: number
}

/** How the peers of a run prove to each other that they belong to it. Both sides of a greeting show and check. */
export interface Admission {
  /** What this peer shows; null when there is nothing to show. */
  show(claim: Claim): Uint8Array | null
  /**
   * Why the peer may not take part, undefined when it may. Says nothing that helps to guess. One that only `looks` takes no
   * part yet, and so uses nothing up that is for one peer.
   */
  refuses(claim: Claim, shown: Uint8Array | null, looks?: boolean): string | undefined
  /** where what lets one peer in may be for one alone */
  readonly guests?: GuestBook
}

/** Who came with what is for one peer alone, as far as this peer knows. */
export interface GuestBook {
  /** Why a peer that could take part when it came may not any more; undefined when it may. */
  objection(peer: PeerId): string | undefined
  /** The view is another one. */
  settle(): void
  /** What a newcomer is told. */
  list(): Guest[]
  /** What a newcomer was told; nothing happens when it proves nothing. */
  told(run: string, guest: Guest): void
}

/** What a peer has to prove that it belongs to a run. It never leaves the process. */
export interface Credentials {
  readonly secret?: Uint8Array
  readonly invitation?: Invitation
}

export interface AdmissionInit {
  readonly self: PeerId
  readonly credentials: Credentials
  /** of the manifest: who may take part, or who may invite */
  readonly peers: readonly PeerId[]
  /** time of day in milliseconds */
  readonly now: () => number
  /** whether a peer is in the view, as far as this one knows it */
  readonly isMember: (peer: PeerId) => boolean
}
