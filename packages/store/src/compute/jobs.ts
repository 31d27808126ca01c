import type { Digest, ErrorJSON, OptimiserSpec, PluginReference, VectorHandle, Verdict } from '@peergrad/core'

/** A vector of the store as the compute worker sees it; `key` is for messages. */
interface Input {
  readonly key: string
  readonly vector: VectorHandle
  /** known to hold neither NaN nor infinity */
  readonly finite: boolean
}

/** The dense work that runs in the compute worker, by name. Outputs are vectors that nobody else sees yet. */
export interface Jobs {
  average: { request: { from: readonly VectorHandle[]; to: VectorHandle }; result: void }
  aggregate: {
    request: {
      from: readonly Input[]
      to: VectorHandle
      rule: PluginReference
      samples: readonly number[]
      parameters: number
      seed: number
    }
    result: void
  }
  update: {
    request: {
      from: VectorHandle
      /** undefined: zeros */
      fromState: readonly (VectorHandle | undefined)[]
      to: VectorHandle
      toState: readonly VectorHandle[]
      gradient: Input
      optimiser: OptimiserSpec
      parameters: number
      step: number
      learningRate: number
    }
    result: void
  }
  pack: { request: { from: VectorHandle; to: VectorHandle; codec: PluginReference }; result: void }
  unpack: { request: { from: VectorHandle; to: VectorHandle; codec: PluginReference }; result: void }
  digest: { request: { vector: VectorHandle }; result: Digest }
  verify: { request: { vector: VectorHandle }; result: Verdict }
  equal: { request: { a: VectorHandle; b: VectorHandle }; result: boolean }
}

export type JobName = keyof Jobs

/** What a worker is started with. */
export interface Boot {
  readonly memory: WebAssembly.Memory
  /** answers to requests for scratch: state, byte offset */
  readonly control: SharedArrayBuffer
}

/** States of `control[0]`. */
export const SCRATCH = { asked: 0, given: 1, refused: 2 } as const

export type Call = { [K in JobName]: { id: number; name: K; request: Jobs[K]['request'] } }[JobName]

export type Answer =
  | { type: 'scratch'; length: number }
  | { type: 'result'; id: number; result: Jobs[JobName]['result'] }
  | { type: 'error'; id: number; error: ErrorJSON }
