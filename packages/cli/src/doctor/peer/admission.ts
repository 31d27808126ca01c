import { existsSync } from 'node:fs'
import { parseAdmission, type Options, type PeerId } from '@peergrad/core'
import { checkAdmission, peerOfKey, type SeenRun } from '@peergrad/peer'
import { credentialsOf } from '../../peer/credentials.js'
import { firstKey } from '../../peer/identity.js'
import { findings, type Finding } from '../finding.js'

const { ok, warn, failed } = findings('admission')

/** Whether the run lets a peer with the key, secret and invitation of this machine take part. */
export async function admission(options: Options, run: SeenRun): Promise<Finding> {
  const { kind } = parseAdmission(run.manifest.admission)
  try {
    const credentials = credentialsOf(options)
    const self = await keyHere(options)
    if (self === undefined && kind === 'allow-list') {
      const advice = 'start the peer once, and have the id that it then says put on the list'
      return warn('no-key', 'the run has an allow-list, and this machine has no key yet', advice)
    }
    checkAdmission(run, { self: self ?? run.question.from, credentials })
    return ok(kind === 'open' ? 'anybody may take part' : `${kind}: this peer may take part`, { kind })
  } catch (thrown) {
    return failed(thrown, 'not-admitted')
  }
}

/** The peer of the key with which one would start here; undefined when it would be made then. */
async function keyHere(options: Options): Promise<PeerId | undefined> {
  const file = firstKey(options)
  return existsSync(file) ? peerOfKey(file) : undefined
}
