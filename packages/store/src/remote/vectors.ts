import type { Digest, StoreRuleName, Vector, Verdict } from '@peergrad/core'
import type { PlaceAggregation, PlaceFilter, PlacePacking, PlaceUnpacking, PlaceUpdate } from '../place.js'
import type { RemoteTensor } from './remote-tensor.js'

/**
 * Vectors on a server, under names that nobody else uses, each for a LIFETIME from when it is made. Every call may be made
 * twice, for its reply may be lost: the second time it does nothing. Errors: `missing` with the name, `corrupt` for a reply
 * of another form, `full`, `crashed` when the server does not answer for long.
 */
export interface RemoteVectors {
  /** Stores all of it. Nobody reads the name before that. */
  write(name: string, vector: Vector): Promise<void>
  /** Reads all of it into a vector of its length. */
  read(name: string, into: Vector): Promise<void>
  /** Deletes what is there; without waiting for more than that the server knows. */
  delete(names: readonly string[]): Promise<void>
  /** Another LIFETIME for what is there. */
  renew(names: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** Stores a part of a vector, from a float on. */
export type WritePart = (name: string, offset: number, part: Vector) => Promise<void>

/** Vectors that come and go in parts. */
export interface PartedVectors extends RemoteVectors {
  readPart(name: string, offset: number, into: Vector): Promise<void>
  /**
   * Stores vectors, none of them empty, of the parts that `work` writes, in any order. `work` may be asked again for all of
   * them. Nobody reads the names before that.
   */
  writeParts(names: readonly string[], work: (write: WritePart) => Promise<void>): Promise<void>
}

/** The three works of every round. */
export interface DenseWork {
  average(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void>
  /** False when it does not know the rule. */
  aggregate(request: PlaceAggregation<RemoteTensor>): Promise<boolean>
  update(request: PlaceUpdate<RemoteTensor>): Promise<void>
}

/**
 * Dense work that the server itself does, with the bits of core's kernels. What a server has no way to compute, such as
 * SHA-256, its driver leaves out: it is then done here.
 */
export interface ServerWork extends DenseWork {
  /** that `aggregate` knows */
  readonly rules: readonly StoreRuleName[]
  /** Makes `to` and `rest`; floats of `to`, or undefined when the server does not know the filter. */
  filter?(request: PlaceFilter<RemoteTensor>, to: string, rest: RemoteTensor): Promise<number | undefined>
  /** Makes `to`; floats of it, or undefined when the server does not know the codec. */
  pack?(request: PlacePacking<RemoteTensor>, to: string): Promise<number | undefined>
  /** False when the server does not know the codec. */
  unpack?(request: PlaceUnpacking<RemoteTensor>): Promise<boolean>
  slice?(from: RemoteTensor, offset: number, to: RemoteTensor): Promise<void>
  join?(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void>
  digest?(tensor: RemoteTensor): Promise<Digest>
  verify?(tensor: RemoteTensor): Promise<Verdict>
  same?(a: RemoteTensor, b: RemoteTensor): Promise<boolean>
}

/** A server that works on its vectors, or keeps them only. */
export type ServerParts =
  | { readonly vectors: RemoteVectors; readonly work: ServerWork }
  | { readonly vectors: PartedVectors; readonly work?: undefined }
