import type { Digest } from './digest.js'
import type { Vector } from '../vector.js'

/** libp2p PeerId in its text form: the hash of a public key, so a signature proves it. */
export type PeerId = string

/** What a control message may have at most, in bytes; a tensor never travels as one. */
export const CONTROL_LIMIT = 64 * 1024

/** What a beat may have at most, in bytes. */
export const BEAT_LIMIT = 64

/** What one peer may be told at most, in bytes. */
export const TELL_LIMIT = 1024

/** A control message whose signature was checked: `from` is who signed it, whoever passed it on. */
export interface MeshMessage {
  readonly from: PeerId
  readonly payload: Uint8Array
  /** the signed bytes as they came, kept as evidence */
  readonly envelope: Uint8Array
}

export interface MeshRequest extends MeshMessage {
  /** At most CONTROL_LIMIT bytes. */
  respond(payload: Uint8Array): void
  /** The other side's `request` rejects with this error. */
  refuse(error: Error): void
}

export interface MeshEvents extends Record<string, unknown> {
  message: MeshMessage
  request: MeshRequest
  /** a sign of life of a connected peer */
  beat: { readonly from: PeerId; readonly payload: Uint8Array }
  /** what a connected peer told this one alone */
  told: { readonly from: PeerId; readonly payload: Uint8Array }
  connect: { readonly peer: PeerId }
  disconnect: { readonly peer: PeerId }
  /** reported offences were enough: from now on nothing of this peer comes through here, whoever passes it on */
  expelled: { readonly peer: PeerId }
  /** the network of this peer ended by itself, for good */
  ended: { readonly error: Error }
  /** a transfer that this peer served ended */
  served: { readonly peer: PeerId; readonly digest: Digest; readonly bytes: number }
}

export interface FetchRequest {
  readonly digest: Digest
  /** size of the whole in bytes, known before the first byte; a sender that says otherwise is passed over, with `corrupt` */
  readonly bytes: number
  /** who said that it is as long: another length is an offence of this peer alone; left out: of nobody */
  readonly announcer?: PeerId
  /**
   * Where the part that is wanted starts, in bytes: 0 unless given, a multiple of 4,096. The part is as long as `into`;
   * all of it lies inside the whole (else `argument`).
   */
  readonly offset?: number
  /** who holds it, in the order to ask them; a transfer that breaks is resumed with the same one; another one begins anew */
  readonly from: readonly PeerId[]
  /** where the bytes go; the digest, which is of the whole, is the caller's to check once they are all there */
  readonly into: Vector
  /** milliseconds for the whole */
  readonly deadline: number
  readonly signal?: AbortSignal
}

export interface FetchReport {
  readonly from: PeerId
  readonly milliseconds: number
  readonly lane: 'stream' | 'fast' | 'memory'
}

/** One link, as measured. Payload and control bytes are counted apart. */
export interface LinkStatistics {
  /** at the other end; `others` in the sum of all that have no row of their own */
  readonly peer: PeerId
  /** as last measured; undefined before the first time */
  readonly roundTripMilliseconds: number | undefined
  /** of the last transfers received, bytes a second; undefined before the first */
  readonly throughput: number | undefined
  /** bytes of vectors that went to that peer */
  readonly tensorBytesSent: number
  /** bytes of vectors that came from it */
  readonly tensorBytesReceived: number
  /** bytes of messages and beats that went to it */
  readonly controlBytesSent: number
  /** bytes of messages and beats that came from it */
  readonly controlBytesReceived: number
}

/**
 * Why a peer loses score. Enough of it and the network layer drops the peer. `malformed`: a message that is none;
 * `oversize`: a frame above its limit; `wrong-length` and `wrong-digest`: bytes that are not those that it announced;
 * `non-finite`: a vector with NaN or infinity; `norm`: one longer than `--max-norm`, which is left out and costs nothing;
 * `equivocation`: two contributions to one round; `flood`: more messages than its share.
 */
export type Offence =
  'malformed' | 'oversize' | 'wrong-length' | 'wrong-digest' | 'non-finite' | 'norm' | 'equivocation' | 'flood'

/** The network as the runtime sees it: small messages, signed to all and unsigned straight to one, and bulk pulled by digest. */
export interface Mesh {
  readonly self: PeerId
  /** Addresses that others can dial, most useful first. */
  addresses(): Promise<string[]>
  /** Dials an address and waits until the connection is authenticated. `unreachable` says what was tried. */
  dial(address: string, options?: { signal?: AbortSignal }): Promise<PeerId>
  connected(): readonly PeerId[]
  /** Signs and sends to every peer of the run, best effort and at most once each. Resolves when handed to the network. */
  announce(payload: Uint8Array): Promise<void>
  /**
   * A few bytes, at most BEAT_LIMIT (else `argument`), straight to every connected peer of the run. Unsigned, for the
   * connection says who sent them; not passed on, and not sent again when they are lost.
   */
  beat(payload: Uint8Array): void
  /**
   * At most TELL_LIMIT bytes (else `argument`), straight to one connected peer of the run, in order. Unsigned, for the
   * connection says who sent them. What breaks off with a connection is lost, and what nobody reads is lost at some length.
   */
  tell(peer: PeerId, payload: Uint8Array): void
  /** Who signed an announcement, and what it says, whoever hands the bytes over. Error `corrupt` when it is none. */
  open(envelope: Uint8Array): { readonly from: PeerId; readonly payload: Uint8Array }
  /** Signs, sends to one peer and waits for its answer. `deadline` in milliseconds. */
  request(peer: PeerId, payload: Uint8Array, options: { deadline: number; signal?: AbortSignal }): Promise<Uint8Array>
  /**
   * Only these peers may fetch; others are refused before a byte is read. What others sign is passed on among peers at a
   * bounded rate, all of them together.
   */
  admit(peers: readonly PeerId[]): void
  /** Lets admitted peers fetch these bytes. The vector must not change until `unserve` has resolved. */
  serve(digest: Digest, vector: Vector): void
  /** Resolves when nobody reads it any more. */
  unserve(digest: Digest): Promise<void>
  fetch(request: FetchRequest): Promise<FetchReport>
  links(): readonly LinkStatistics[]
  report(peer: PeerId, offence: Offence): void
  on<K extends keyof MeshEvents>(type: K, listener: (event: MeshEvents[K]) => void): () => void
  close(): Promise<void>
}
