import type { Digest } from './digest.js'
import type { PeerId } from './mesh.js'

/** What one peer gives in one round, announced under its signature; the bytes are pulled by digest. */
export interface ContributionManifest {
  readonly peer: PeerId
  readonly round: number
  readonly digest: Digest
  /** floats: parameters + buffers */
  readonly length: number
  /** samples behind it, as the peer declares */
  readonly samples: number
  /** mean training loss */
  readonly loss: number
}
