import type { Digest } from './digest.js'
import type { PeerId } from './mesh.js'

/**
 * No loss that is larger, or lower than minus this, goes from peer to peer: engines compute in float32, of which this is the
 * largest. So sums of losses over all samples of all members are finite.
 */
export const LOSS_LIMIT = 3.4028234663852886e38

/** What one peer gives in one round, announced under its signature; the bytes are pulled by digest. */
export interface ContributionManifest {
  readonly peer: PeerId
  readonly round: number
  /** of the packed vector, or of the index of its parts when it was cut into several */
  readonly digest: Digest
  /** 32-bit words that the digest names */
  readonly words: number
  /** floats that they stand for: parameters + buffers */
  readonly length: number
  /** samples behind it, as the peer declares; 0 for a model that made no step since it was given last */
  readonly samples: number
  /** mean training loss of these samples; at most LOSS_LIMIT, of either sign */
  readonly loss: number
}
