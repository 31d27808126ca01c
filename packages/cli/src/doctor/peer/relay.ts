import { findings, type Finding } from '../finding.js'
import type { PeerContext } from './context.js'

const { ok, warn } = findings('relay')

/** What dial-in finds when nothing is known of the way back. */
const UNKNOWN = ['asked-too-often', 'no-answer']

/** Whether others need a relay to reach this peer, by what `dialIn` found, and whether the other peer is one. */
export function relay(dialIn: Finding | undefined, { visit, options }: PeerContext): Finding | undefined {
  if (dialIn === undefined || UNKNOWN.includes(dialIn.fault ?? '')) return undefined
  if (dialIn.status === 'ok') return ok('not needed: others can dial this peer')
  if (options.relay === 'off')
    return warn('no-relay', 'needed, and --relay off uses none', 'leave --relay out, or let dials in as above')
  if (visit.relays) return ok('needed, and the other peer is one')
  return warn(
    'no-relay',
    'needed by peers that cannot be dialled either, and the other peer is none',
    'run `peergrad relay` on a machine that all can dial, and give each of the two its address with --via'
  )
}
