import type { PeerState, RunState } from './state.js'

export type Standing = 'starting' | 'running' | 'paused' | 'suspected' | 'lost' | 'excluded' | 'left' | 'finished'

/** A sign for each, so that none is told by its colour alone. */
export const SIGNS: Readonly<Record<Standing, string>> = {
  starting: '○',
  running: '●',
  paused: '‖',
  suspected: '?',
  lost: '✕',
  excluded: '⊘',
  left: '←',
  finished: '✓'
}

/** How a peer stands in the run: what the others say of it goes before what it said last itself. */
export function standing(peer: PeerState): Standing {
  if (peer.excluded !== undefined) return 'excluded'
  if (peer.life === 'finished' || peer.life === 'left') return peer.life
  if (peer.lost !== undefined) return 'lost'
  if (peer.suspectedBy.length > 0) return 'suspected'
  return peer.life === 'unknown' ? 'starting' : peer.life
}

/** Ranks of the view; those outside of it have none. */
export function rankOf(state: RunState, peer: PeerState): number | undefined {
  const rank = state.view.members.indexOf(peer.id)
  return rank < 0 ? undefined : rank
}
