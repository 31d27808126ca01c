import { VERSIONS } from '@peergrad/peer'
import { findings } from '../finding.js'
import type { PeerCheck } from './context.js'

const { ok, warn, fail } = findings('versions')

/** Whether both sides speak alike. Node may differ. */
export const versions: PeerCheck = ({ seen: { peergrad, node, run } }) => {
  const found = `peergrad ${peergrad}, runs of form ${run}, Node ${node}`
  const data = { peergrad, run, node }
  const advice = 'install the same version of peergrad on both hosts'
  if (run !== VERSIONS.run)
    return fail('other-version', `${found}; here runs of form ${VERSIONS.run}: they do not mix`, advice, data)
  if (peergrad !== VERSIONS.peergrad)
    return warn('other-release', `${found}; here peergrad ${VERSIONS.peergrad}`, advice, data)
  return ok(found, data)
}
