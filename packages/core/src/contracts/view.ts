import type { PeerId } from './mesh.js'

/** The numbered list of active peers. The index of a peer in `members` is its rank. */
export interface View {
  readonly number: number
  readonly members: readonly PeerId[]
}

export function rankOf(view: View, peer: PeerId): number {
  return view.members.indexOf(peer)
}

/** Peers that must agree: more than half. With n ≥ 2f + 1 members, f may be gone. */
export function quorum(members: number): number {
  return Math.floor(members / 2) + 1
}
