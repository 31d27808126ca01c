import { PeergradError, type PeerId } from '@peergrad/core'
import type { Admission, AdmissionInit, Claim } from './admission.js'
import { Guests } from './guests.js'
import { isNamed, isSigned, nameInvited, type Invitation } from './invitation.js'

const HOW = 'ask one who may invite for an invitation, and give it with --invitation TEXT'

/** An invitation as it is shown: without its key, and with the peer that it was named for. */
type Shown = Omit<Invitation, 'run' | 'seed'> & { readonly named: string | null }

/**
 * Whoever was invited by one of `peers` may take part, and these themselves. What is shown names the peer that shows
 * it, under the issuer's signature or that of the invitation's own key, so that who sees it cannot use it. An invitation
 * that names nobody and is not reusable is for the first peer that comes with it.
 */
export function byInvitation({ self, credentials, peers: issuers, now, isMember }: AdmissionInit): Admission {
  const { invitation } = credentials
  if (invitation === undefined && !issuers.includes(self)) {
    throw new PeergradError('refused', `join: this run takes peers by invitation, and ${self} has none; ${HOW}`)
  }
  const credential = invitation === undefined ? null : encode(invitation, nameInvited(invitation, self))
  const guests = new Guests({ isMember, now })
  if (invitation !== undefined && credential !== null && isForOne(invitation, self) && !issuers.includes(self)) {
    guests.use(invitation.holder, { peer: self, credential, until: invitation.until })
  }

  /** What was shown, or why it lets nobody in. */
  const read = ({ run, from }: Pick<Claim, 'run' | 'from'>, shown: Uint8Array | null): Shown | string => {
    const given = shown === null ? undefined : decode(shown)
    if (given === undefined) return `${from} showed no invitation; ${HOW}`
    if (!issuers.includes(given.issuer) || !isSigned({ ...given, run })) {
      return `${from} showed an invitation to another run, or of somebody who may not invite; ${HOW}`
    }
    if (given.until < now())
      return `the invitation of ${from} is over since ${new Date(given.until).toISOString()}; ${HOW}`
    return isHeldBy(given, run, from) ? given : `${from} showed an invitation that is for another peer; ${HOW}`
  }

  return {
    show: () => credential,
    refuses(claim, shown, looks = false) {
      const { from } = claim
      if (issuers.includes(from)) return undefined
      const given = read(claim, shown)
      if (typeof given === 'string') return given
      if (!isForOne(given, from)) {
        guests.release(from)
        return undefined
      }
      const user = looks ? guests.userOf(given.holder) : guests.use(given.holder, showing(from, given, shown))
      return user === undefined || user === from ? undefined : used(from, user)
    },
    guests: {
      objection(peer) {
        const user = guests.insteadOf(peer)
        return user === undefined ? undefined : used(peer, user)
      },
      settle: () => guests.settle(),
      list: () => guests.list(),
      told(run, { peer, credential: shown }) {
        const given = read({ run, from: peer }, shown)
        if (typeof given !== 'string' && isForOne(given, peer)) guests.told(given.holder, showing(peer, given, shown))
      }
    }
  }
}

/** Whether it may be used once: a holder that is a peer says by itself who may use it. */
function isForOne({ holder, reusable }: Pick<Invitation, 'holder' | 'reusable'>, peer: PeerId): boolean {
  return !reusable && holder !== peer
}

function used(peer: PeerId, user: PeerId): string {
  return `the invitation of ${peer} is for one peer, and ${user} has used it; ${HOW}`
}

/** What was shown may be part of a larger message: a copy of its own size is kept. */
function showing(peer: PeerId, { until }: Shown, shown: Uint8Array | null) {
  return { peer, until, credential: Uint8Array.from(shown ?? []) }
}

function isHeldBy({ holder, named }: Shown, run: string, peer: PeerId): boolean {
  return holder === peer || (named !== null && isNamed({ run, holder }, peer, named))
}

function encode({ issuer, holder, until, reusable, signature }: Invitation, named: string | undefined): Uint8Array {
  const shown: Shown = { issuer, holder, until, reusable, signature, named: named ?? null }
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
  const { issuer, holder, until, reusable, signature, named } = value as Partial<Record<keyof Shown, unknown>>
  if (typeof issuer !== 'string' || typeof holder !== 'string' || typeof signature !== 'string') return undefined
  // a time beyond what a date can be is none
  if (typeof until !== 'number' || Math.abs(until) > 8.64e15 || typeof reusable !== 'boolean') return undefined
  return { issuer, holder, until, reusable, signature, named: typeof named === 'string' ? named : null }
}
