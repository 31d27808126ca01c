import type { ErrorJSON, PeerId, RunEvent } from '@peergrad/core'

/** What a peer process used in its whole life, in bytes. What others fetch after its last round is in no event. */
export interface Usage {
  /** everything on its links */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** of that, vectors */
  readonly tensorBytesSent: number
  readonly tensorBytesReceived: number
  /** the most memory that the process held; a database that is a process of its own is not in it */
  readonly peakMemoryBytes: number
}

/** Set in the environment of a peer process whose IPC channel is for these messages: a process manager may open one too. */
export const CHANNEL = 'PEERGRAD_CHANNEL'

/**
 * What a peer process tells `train`, which started it with an IPC channel: where its metrics are; that
 * it is up; an event; how it ended, with what it used; that its main thread turns, when it is asked. `wall` is the time of day in milliseconds, so that events of several processes fall
 * into one order.
 */
export type PeerMessage =
  | { readonly type: 'metrics'; readonly url: string }
  | { readonly type: 'listening'; readonly peer: PeerId; readonly addresses: readonly string[] }
  | { readonly type: 'event'; readonly wall: number; readonly event: RunEvent }
  | {
      readonly type: 'ended'
      readonly usage: Usage
      /** the directory of the model for other tools, when it was written */
      readonly model?: string
      /** why the model was not written for other tools, when it was to be */
      readonly unexported?: string
    }
  | { readonly type: 'failed'; readonly error: ErrorJSON }
  | { readonly type: 'here' }

/**
 * To a peer process: all peers of the run stop, so end where you are, with a checkpoint. Losing the channel means the
 * same.
 */
export interface StopMessage {
  readonly type: 'stop'
}

/** To a peer process: say that you are here. */
export interface AskMessage {
  readonly type: 'ask'
}
