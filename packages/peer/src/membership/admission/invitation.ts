import { createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto'
import { PeergradError, type PeerId } from '@peergrad/core'
import { keyOfPeerId, peerIdOfKey, privateKeyOfSeed, verifyingKey } from '../../network/peer-key.js'

/**
 * What an issuer signed: until `until` (time of day in milliseconds) `holder` may take part in `run`. The holder is a
 * peer, and then nobody else can use the invitation; or a key of the invitation's own, which goes with it, and then
 * whoever has it can name a peer to take its place: the first one, or any number where it is `reusable`.
 */
export interface Invitation {
  readonly run: string
  readonly issuer: PeerId
  readonly holder: PeerId
  readonly until: number
  readonly reusable: boolean
  /** by the issuer, base64 */
  readonly signature: string
  /** seed of the holder's key, base64; not there when the holder is a peer */
  readonly seed?: string
}

export interface InvitationInit {
  readonly run: string
  readonly issuer: { readonly peer: PeerId; readonly privateKey: KeyObject }
  readonly until: number
  /** the one peer that it is for; when left out, the first one that comes with it */
  readonly holder?: PeerId
  /** without a holder: any number of peers may come with it */
  readonly reusable?: boolean
}

const VERSION = 2
const PREFIX = `peergrad${VERSION}.`
/** SubjectPublicKeyInfo ends with the raw key */
const KEY_BYTES = 32

export function createInvitation({ run, issuer, until, holder, reusable = false }: InvitationInit): Invitation {
  const seed = holder === undefined ? randomBytes(KEY_BYTES) : undefined
  const to = holder ?? peerOfSeed(seed as Buffer)
  const signature = sign(null, invited({ run, holder: to, until, reusable }), issuer.privateKey).toString('base64')
  const content = { run, issuer: issuer.peer, holder: to, until, reusable, signature }
  return seed === undefined ? content : { ...content, seed: seed.toString('base64') }
}

/** The text that is handed to who is invited. */
export function invitationText(invitation: Invitation): string {
  return PREFIX + Buffer.from(JSON.stringify(invitation)).toString('base64url')
}

/** Error `argument` without the text, which may be a secret. */
export function parseInvitation(text: string): Invitation {
  const value = text.startsWith(PREFIX) ? parse(Buffer.from(text.slice(PREFIX.length), 'base64url')) : undefined
  if (isInvitation(value)) return value
  const [, version] = /^peergrad(\d+)\./.exec(text) ?? []
  if (version !== undefined && Number(version) !== VERSION) {
    const message = `invitation: got one of format ${version}, expected ${VERSION}`
    throw new PeergradError('argument', `${message}: it is of another version of peergrad; ask for a new one`)
  }
  throw new PeergradError(
    'argument',
    `invitation: got another text than an invitation, expected ${PREFIX}… in one piece`
  )
}

/** That the holder of the invitation names a peer to take its place, base64. */
export function nameInvited({ run, seed }: Invitation, peer: PeerId): string | undefined {
  if (seed === undefined) return undefined
  return sign(null, named(run, peer), privateKeyOfSeed(Buffer.from(seed, 'base64'))).toString('base64')
}

/** Whether the issuer invited the holder. */
export function isSigned({ issuer, signature, ...content }: Omit<Invitation, 'seed'>): boolean {
  return isSignature(issuer, invited(content), signature)
}

/** Whether the holder named the peer. */
export function isNamed({ run, holder }: Pick<Invitation, 'run' | 'holder'>, peer: PeerId, signature: string): boolean {
  return isSignature(holder, named(run, peer), signature)
}

function invited({ run, holder, until, reusable }: Pick<Invitation, 'run' | 'holder' | 'until' | 'reusable'>): Buffer {
  return Buffer.from(JSON.stringify(['peergrad-invitation-v2', run, holder, until, reusable]))
}

function named(run: string, peer: PeerId): Buffer {
  return Buffer.from(JSON.stringify(['peergrad-invited-v1', run, peer]))
}

/** False also for a signer that is no ed25519 peer. */
function isSignature(signer: PeerId, content: Buffer, signature: string): boolean {
  try {
    return verify(null, content, verifyingKey(keyOfPeerId(signer)), Buffer.from(signature, 'base64'))
  } catch {
    return false
  }
}

function peerOfSeed(seed: Buffer): PeerId {
  const spki = createPublicKey(privateKeyOfSeed(seed)).export({ format: 'der', type: 'spki' })
  return peerIdOfKey(spki.subarray(-KEY_BYTES))
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}

function isInvitation(value: unknown): value is Invitation {
  if (typeof value !== 'object' || value === null) return false
  const { run, issuer, holder, until, reusable, signature, seed } = value as Partial<Record<keyof Invitation, unknown>>
  const texts = [run, issuer, holder, signature, seed ?? ''].every((each) => typeof each === 'string')
  return texts && typeof until === 'number' && typeof reusable === 'boolean'
}
