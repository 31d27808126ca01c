import { PeergradError, type RunManifest } from '@peergrad/core'
import { differenceOf, VERSIONS, type SeenRun } from '@peergrad/peer'
import { foundedBy } from '../../peer/admission.js'
import { runId } from '../../run-id.js'
import { findings, type Finding } from '../finding.js'
import { founding, type PeerContext } from './context.js'

const { ok, warn, failed } = findings('run')

/** The run of the other peer, and the first field in which it is not the one that was described here. */
export async function theRun({
  visit,
  seen,
  own
}: PeerContext): Promise<{ finding: Finding | undefined; run: SeenRun | undefined }> {
  // what its manifest says cannot be read: the check of versions says so
  if (seen.run !== VERSIONS.run) return { finding: undefined, run: undefined }
  try {
    const run = await visit.run(seen.offset)
    return { finding: compared(run, own), run }
  } catch (thrown) {
    const { message } = PeergradError.from(thrown)
    const advice = 'wait until it has found its run, or ask another peer'
    return { finding: warn('run-unknown', `it does not tell its run: ${message}`, advice), run: undefined }
  }
}

function compared({ manifest, lineage, running }: SeenRun, own: RunManifest | undefined): Finding {
  const id = runId(manifest)
  const difference = own && differenceOf(foundedBy(own, lineage.founder), manifest)
  if (difference !== undefined) {
    const { message, code, data } = difference
    return failed(new PeergradError(code, message, { ...data, fault: 'other-run', run: id }), 'other-run')
  }
  const { strategy, model, dataset, peers } = manifest
  const found = `${id.slice(0, 12)}: ${strategy}, ${model} on ${dataset}, ${peers} peers, ${founding(lineage)}, ${running ? 'trains' : 'waits for peers'}`
  return ok(own === undefined ? found : `the same here and there, ${found}`, { run: id, lineage, running })
}
