import { createHash } from 'node:crypto'
import type { PeerId } from '@peergrad/core'
import type { Credentials } from '../membership/admission/admission.js'
import { KnownRun } from '../membership/known-run.js'
import type { SeenRun } from './doctor.js'

/**
 * Error `refused` when a peer of this name and with these credentials would be turned away by the run, or would turn away the
 * peer that told it: both are held against what the run asks for, by the time of that peer.
 */
export function checkAdmission(
  { manifest, question, credential }: SeenRun,
  { self, credentials }: { readonly self: PeerId; readonly credentials: Credentials }
): void {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const run = KnownRun.toldBy(manifest, { self, credentials, sha256, now: () => question.time, isMember: () => false })
  const own = { ...question, from: self }
  run.checkAdmitted(own, run.show(own))
  run.checkAdmitted({ ...question, from: question.to, to: question.from }, credential)
}
