import { PeergradError } from '@peergrad/core'
import { findings } from '../finding.js'
import type { PeerCheck } from './context.js'

const { ok, warn } = findings('punch')

const MET = {
  dialled: 'the peer can be dialled directly too',
  punched: 'a direct connection came about through both routers'
}

/** Whether a peer that is reached through a relay can be met without it, as peers of a run try to. */
export const punch: PeerCheck = async ({ visit }) => {
  if (!visit.limited) return undefined
  try {
    const how = await visit.meet()
    return ok(`${MET[how]}: the relay is for the start only`, { how })
  } catch (thrown) {
    return warn(
      'relayed',
      `all goes through the relay: ${PeergradError.from(thrown).message}`,
      'nothing, if that is fast enough; else forward a TCP port at the router of one side'
    )
  }
}
