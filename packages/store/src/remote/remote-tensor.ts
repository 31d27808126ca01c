import type { Tensor } from '../place.js'

/** A vector on a server. */
export interface RemoteTensor extends Tensor {
  /** what the server knows it by; never used again for another one */
  readonly name: string
}
