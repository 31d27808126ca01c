import { PeergradError, type PeerId } from '@peergrad/core'
import type { Admission, AdmissionInit } from './admission.js'
import { isNamed, isSigned, nameInvited, type Invitation } from './invitation.js'

const HOW = 'ask one who may invite for an invitation, and give it with --invitation TEXT'

/** An invitation as it is shown: without its key, and with the peer that it was named for. */
type Shown = Omit<Invitation, 'run' | 'seed'> & { readonly named: string | null }

/**
 * Whoever was invited by one of `peers` may take part, and these themselves. What is shown names the peer that shows
 * it, under the issuer's signature or that of the invitation's own key, so that who sees it cannot use it.
 */
export function byInvitation({ self, credentials, peers: issuers, now }: AdmissionInit): Admission {
  const { invitation } = credentials
  if (invitation === undefined && !issuers.includes(self)) {
    throw new PeergradError('refused', `join: this run takes peers by invitation, and ${self} has none; ${HOW}`)
  }
  const credential = invitation === undefined ? null : encode(invitation, nameInvited(invitation, self))
  return {
    show: () => credential,
    refuses({ run, from }, shown) {
      if (issuers.includes(from)) return undefined
      const given = shown === null ? undefined : decode(shown)
      if (given === undefined) return `${from} showed no invitation; ${HOW}`
      if (!issuers.includes(given.issuer) || !isSigned({ ...given, run })) {
        return `${from} showed an invitation to another run, or of somebody who may not invite; ${HOW}`
      }
      if (given.until < now())
        return `the invitation of ${from} is over since ${new Date(given.until).toISOString()}; ${HOW}`
      return isHeldBy(given, run, from) ? undefined : `${from} showed an invitation that is for another peer; ${HOW}`
    }
  }
}

function isHeldBy({ holder, named }: Shown, run: string, peer: PeerId): boolean {
  return holder === peer || (named !== null && isNamed({ run, holder }, peer, named))
}

function encode({ issuer, holder, until, signature }: Invitation, named: string | undefined): Uint8Array {
  const shown: Shown = { issuer, holder, until, signature, named: named ?? null }
  return Uint8Array.from(Buffer.from(JSON.stringify(shown)))
}

/** Undefined for bytes that are none. */
function decode(bytes: Uint8Array): Shown | undefined {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { issuer, holder, until, signature, named } = value as Partial<Record<keyof Shown, unknown>>
  if (typeof issuer !== 'string' || typeof holder !== 'string' || typeof signature !== 'string') return undefined
  // a time beyond what a date can be is none
  if (typeof until !== 'number' || Math.abs(until) > 8.64e15) return undefined
  return { issuer, holder, until, signature, named: typeof named === 'string' ? named : null }
}
