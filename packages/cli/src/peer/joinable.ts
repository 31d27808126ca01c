import { parseAdmission, type RunManifest } from '@peergrad/core'
import { createInvitation, invitationText, loadIdentity } from '@peergrad/peer'
import type { Joinable } from './join-command.js'

/** How long an invitation in a join command is good for, in milliseconds; `peergrad invite` makes others. */
const VALID = 24 * 3_600_000

export interface JoinableInit {
  readonly manifest: RunManifest
  readonly run: string
  readonly addresses: readonly string[]
  /** file of this peer's key */
  readonly identity: string
  /** the invitation is for any number of peers, not for one */
  readonly reusable: boolean
}

/** What another peer needs to join this one: with an invitation that names nobody, where this peer may invite. */
export async function joinable({ manifest, run, addresses, identity, reusable }: JoinableInit): Promise<Joinable> {
  const { kind, peers } = parseAdmission(manifest.admission)
  if (kind !== 'invitation') return { addresses, run, ...(kind === 'secret' && { asks: 'secret' }) }
  const issuer = await loadIdentity(identity)
  if (!peers.includes(issuer.peer)) return { addresses, run, asks: 'invitation' }
  const until = Date.now() + VALID
  return {
    addresses,
    run,
    invitation: { text: invitationText(createInvitation({ run, issuer, until, reusable })), until, reusable }
  }
}
