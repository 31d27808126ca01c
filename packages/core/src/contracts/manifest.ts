import type { Digest } from './digest.js'
import type { PeerId } from './mesh.js'

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
  /** mean training loss of these samples */
  readonly loss: number
}
