import { optionsToManifest, PeergradError, type Options, type PeerId } from '@peergrad/core'
import { createInvitation, invitationText, loadIdentity } from '@peergrad/peer'
import { foundedBy, invitersOf, withAllowed } from './peer/admission.js'
import { firstKey } from './peer/identity.js'
import { runId } from './run-id.js'

export interface MadeInvitation {
  readonly run: string
  readonly issuer: PeerId
  /** the peer that it is for; null: whoever has the text */
  readonly holder: PeerId | null
  /** time of day */
  readonly until: string
  readonly invitation: string
}

/** An invitation to the run that the options describe. Errors: `argument` when the key here may not invite to it. */
export async function makeInvitation(
  given: Options,
  { hours, holder }: { readonly hours: number; readonly holder: PeerId | undefined }
): Promise<MadeInvitation> {
  const options = withAllowed(given)
  const file = firstKey(options)
  const issuer = await loadIdentity(file)
  const manifest = foundedBy(optionsToManifest(options), issuer.peer)
  const inviters = invitersOf(manifest)
  if (!inviters.includes(issuer.peer)) {
    const message = `identity: got the key of ${issuer.peer}, expected that of one who may invite: ${inviters.join(', ')}`
    throw new PeergradError('argument', message, { path: 'identity' })
  }
  const run = runId(manifest)
  const until = Math.round(Date.now() + hours * 3_600_000)
  const invitation = createInvitation({ run, issuer, until, ...(holder !== undefined && { holder }) })
  return {
    run,
    issuer: issuer.peer,
    holder: holder ?? null,
    until: new Date(until).toISOString(),
    invitation: invitationText(invitation)
  }
}
