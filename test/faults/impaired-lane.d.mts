import type { Clock } from '@peergrad/core'

/** What happens to one direction of a connection. */
export interface Effect {
  /** milliseconds that each chunk takes longer */
  readonly delay?: number
  /** at most so many milliseconds more, drawn for each chunk; chunks stay in order */
  readonly jitter?: number
  /** share of the chunks that are lost, each of which costs 200 ms: TCP sends it again, and what follows waits */
  readonly loss?: number
  /** bytes a second */
  readonly rate?: number
  /** nothing comes through until it does; then all of it does */
  readonly block?: boolean
}

export class ImpairedLane {
  constructor(init: {
    /** asked again for each chunk; undefined when there is none */
    readonly effect: () => Effect | undefined
    readonly random: () => number
    readonly clock: Pick<Clock, 'now' | 'after'>
    /** a lane that had asked for a pause takes more */
    readonly drained: () => void
  })
  /** Nothing waits and nothing would. */
  readonly idle: boolean
  /** Calls `release` with the chunk, or one after the other with its pieces, when it has arrived. False: pause. */
  push(chunk: Uint8Array, release: (piece: Uint8Array) => void): boolean
  /** The effect changed. */
  refresh(): void
}

export function randomOf(...words: (string | number)[]): () => number
