import type { Digest, ErrorJSON, OptimiserSpec, PluginReference, Trials, VectorHandle, Verdict } from '@peergrad/core'

/** A vector of the store as the compute worker sees it; `key` is for messages. */
interface Input {
  readonly key: string
  readonly vector: VectorHandle
  /** known to hold neither NaN nor infinity */
  readonly finite: boolean
}

interface Packing {
  /** undefined: float32 as they are */
  readonly codec: PluginReference | undefined
  /** floats of which zeros may be left out */
  readonly sparse: number
}

/** The dense work that runs in the compute worker, by name. Outputs are vectors that nobody else sees yet. */
export interface Jobs {
  average: { request: { from: readonly VectorHandle[]; to: VectorHandle }; result: void }
  aggregate: {
    request: {
      from: readonly Input[]
      to: VectorHandle
      rule: PluginReference
      pre: readonly PluginReference[]
      samples: readonly number[]
      parameters: number
      seed: number
      trials: Trials | undefined
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
  filter: {
    request: {
      from: Input
      /** undefined: zeros */
      held: Input | undefined
      state: VectorHandle
      rest: VectorHandle
      filter: PluginReference
      parameters: number
      step: number
      learningRate: number
      seed: number
    }
    /** what is sent */
    result: VectorHandle
  }
  /** undefined when packing changes nothing */
  pack: { request: Packing & { from: VectorHandle }; result: VectorHandle | undefined }
  unpack: { request: Packing & { from: VectorHandle; to: VectorHandle }; result: void }
  join: { request: { from: readonly VectorHandle[]; to: VectorHandle }; result: void }
  combine: {
    request: { terms: readonly { vector: VectorHandle; factor: number }[]; to: VectorHandle }
    result: void
  }
  feedback: {
    request: { rest: VectorHandle; sent: VectorHandle; shared: VectorHandle; to: VectorHandle }
    result: void
  }
  digest: { request: { vector: VectorHandle }; result: Digest }
  verify: { request: { vector: VectorHandle }; result: Verdict }
  equal: { request: { a: VectorHandle; b: VectorHandle }; result: boolean }
}

export type JobName = keyof Jobs

/** What a worker is started with. */
export interface Boot {
  readonly memory: WebAssembly.Memory
  /** answers to requests for memory: state, byte offset */
  readonly control: SharedArrayBuffer
}

/** States of `control[0]`. */
export const SCRATCH = { asked: 0, given: 1, refused: 2 } as const

export type Call = { [K in JobName]: { id: number; name: K; request: Jobs[K]['request'] } }[JobName]

export type Answer =
  | { type: 'scratch'; id: number; length: number }
  /** `made`: byte offsets of the vectors asked for that the result refers to */
  | { type: 'result'; id: number; result: Jobs[JobName]['result']; made: readonly number[] }
  | { type: 'error'; id: number; error: ErrorJSON }
