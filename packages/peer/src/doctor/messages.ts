import { PeergradError, type PeerId } from '@peergrad/core'
import { parseAddress } from '../network/addresses.js'
import { keyOfPeerId } from '../network/peer-key.js'

/** One question a stream: a frame of JSON each way, and the raw bytes of a probe. */
export const DOCTOR_PROTOCOL = '/peergrad/doctor/1'

export const MESSAGE_LIMIT = 16 * 1024
/** Peers of its run that an answer names at most. */
const PEERS = 64
const VERSION = /^[\w.+-]{1,64}$/

/** What one peer asks another about itself, or has it do. */
export type Question =
  | { readonly kind: 'about' }
  /** connect to this port of the host from which the question is seen to come, and of no other */
  | { readonly kind: 'dial-back'; readonly port: number }
  /** send so many bytes, or as many as go out within the time of a probe */
  | { readonly kind: 'send'; readonly bytes: number }
  /** count so many bytes, or as many as come within that time */
  | { readonly kind: 'receive'; readonly bytes: number }

/** What a peer says of itself to whoever asks. */
export interface About {
  readonly peergrad: string
  readonly node: string
  /** of the run manifest and the wire */
  readonly run: number
  /** time of day in milliseconds */
  readonly time: number
  /** multiaddr from which the question is seen to come */
  readonly observed: string
  /** peers of its run to which it is connected */
  readonly peers: readonly PeerId[]
}

export const DIAL_OUTCOMES = ['connected', 'refused', 'timeout', 'unroutable'] as const
export type DialOutcome = (typeof DIAL_OUTCOMES)[number]

export interface DialBack {
  readonly host: string
  readonly outcome: DialOutcome
  /** what was said on the connection: whoever hears it was reached */
  readonly word: string
}

/** What of a probe arrived, and how long that took. */
export interface Received {
  readonly bytes: number
  readonly milliseconds: number
}

/** Why a question has no answer. */
export const REFUSALS = {
  'too-often': 'the other peer was asked too often; ask again in a minute',
  indirect: 'the other peer sees this one through a relay, and dials nobody back there'
} as const
export type Refusal = keyof typeof REFUSALS

/** Error `corrupt` for what is no question. */
export function decodeQuestion(bytes: Uint8Array): Question {
  const value = parseObject(bytes)
  const { kind, port, bytes: count } = value
  if (kind === 'about') return { kind }
  if (kind === 'dial-back' && isInteger(port, 1, 65_535)) return { kind, port }
  if ((kind === 'send' || kind === 'receive') && isInteger(count, 1, 2 ** 31)) return { kind, bytes: count }
  throw corrupt('question')
}

/** Errors: `refused` when the bytes say so, `corrupt` when what they say is not of the expected form. */
export function decodeAnswer<T>(bytes: Uint8Array, read: (value: Readonly<Record<string, unknown>>) => T): T {
  const value = parseObject(bytes)
  const { refused } = value
  if (typeof refused !== 'string') return read(value)
  const known = Object.keys(REFUSALS).find((each): each is Refusal => each === refused)
  if (known === undefined) throw corrupt('refusal')
  throw new PeergradError('refused', REFUSALS[known], { refusal: known })
}

export function readAbout({ peergrad, node, run, time, observed, peers }: Readonly<Record<string, unknown>>): About {
  const versions = typeof peergrad === 'string' && VERSION.test(peergrad) && typeof node === 'string'
  if (!versions || !VERSION.test(node) || !isInteger(run, 0, 1e6)) throw corrupt('versions')
  if (typeof time !== 'number' || !Number.isFinite(time)) throw corrupt('time')
  if (typeof observed !== 'string' || observed.length > 256 || !Array.isArray(peers)) throw corrupt('answer')
  return {
    peergrad,
    node,
    run,
    time,
    observed: parseAddress(observed).toString(),
    peers: peers.slice(0, PEERS).map(id)
  }
}

export function readDialBack({ host, outcome, word }: Readonly<Record<string, unknown>>): DialBack {
  const known = DIAL_OUTCOMES.find((each) => each === outcome)
  const texts = typeof host === 'string' && /^[\da-f:.]{2,64}$/i.test(host) && typeof word === 'string'
  if (known === undefined || !texts || word.length > 64) throw corrupt('answer')
  return { host, outcome: known, word }
}

export function readReceived({ bytes, milliseconds }: Readonly<Record<string, unknown>>): Received {
  if (!isInteger(bytes, 0, 2 ** 31) || typeof milliseconds !== 'number' || !(milliseconds > 0)) throw corrupt('answer')
  return { bytes, milliseconds }
}

export function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

/** At most as many as fit into an answer. */
export function named(peers: readonly PeerId[]): readonly PeerId[] {
  return peers.slice(0, PEERS)
}

function id(peer: unknown): PeerId {
  if (typeof peer !== 'string') throw corrupt('peer')
  keyOfPeerId(peer)
  return peer
}

function isInteger(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // no JSON: said below
  }
  throw corrupt('message')
}

function corrupt(what: string): PeergradError {
  return new PeergradError('corrupt', `doctor: got a ${what} of another form; the other peer is of another version`)
}
