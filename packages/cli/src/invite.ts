import { optionsToManifest, PeergradError, type Options, type PeerId } from '@peergrad/core'
import { createInvitation, invitationText, loadIdentity } from '@peergrad/peer'
import { checkPeer, foundedBy, invitersOf, withAllowed } from './peer/admission.js'
import { firstKey } from './peer/identity.js'
import { runId } from './run-id.js'

export interface MadeInvitation {
  readonly run: string
  readonly issuer: PeerId
  /** the peer that it is for; null: the first one that comes with the text, or any where it is reusable */
  readonly holder: PeerId | null
  /** whoever has the text may come with it */
  readonly reusable: boolean
  /** time of day */
  readonly until: string
  readonly invitation: string
}

export interface Invited {
  readonly hours: number
  readonly holder: PeerId | undefined
  readonly reusable: boolean
}

/**
 * An invitation to the run that the options describe. Errors: `argument` when the key here may not invite to it, when it is
 * to be for one peer and for all, or for what is no peer.
 */
export async function makeInvitation(given: Options, { hours, holder, reusable }: Invited): Promise<MadeInvitation> {
  if (reusable && holder !== undefined) {
    throw new PeergradError('argument', `reusable: got a peer as well, ${holder}; expected one of both`)
  }
  if (holder !== undefined) checkPeer('invite', holder)
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
  const invitation = createInvitation({ run, issuer, until, reusable, ...(holder !== undefined && { holder }) })
  return {
    run,
    issuer: issuer.peer,
    holder: holder ?? null,
    reusable,
    until: new Date(until).toISOString(),
    invitation: invitationText(invitation)
  }
}
