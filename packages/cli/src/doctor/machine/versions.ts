import { VERSIONS } from '@peergrad/peer'
import { findings, type Finding } from '../finding.js'

const { ok, fail } = findings('versions')

/** Of Node, that peergrad needs: `engines` of package.json. */
const OLDEST = [20, 19] as const

export function versions(node = VERSIONS.node): Finding {
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const found = `peergrad ${VERSIONS.peergrad}, runs of form ${VERSIONS.run}, Node ${node}`
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return ok(found, { ...VERSIONS, node })
  return fail('old-node', found, `install Node ${OLDEST.join('.')} or newer`)
}
