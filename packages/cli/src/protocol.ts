import type { ErrorJSON, PeerId, RunEvent } from '@peergrad/core'

/**
 * What a peer process tells the process that started it with an IPC channel, as `train` does: it is up; an event;
 * how it ended, with the bytes of its whole life. `wall` is the time of day in milliseconds, so that events of several processes fall into one order.
 */
export type PeerMessage =
  | { readonly type: 'listening'; readonly peer: PeerId; readonly addresses: readonly string[] }
  | { readonly type: 'event'; readonly wall: number; readonly event: RunEvent }
  | {
      readonly type: 'ended'
      readonly bytesSent: number
      readonly bytesReceived: number
      /** why the model was not written for other tools, when it was to be */
      readonly unexported?: string
    }
  | { readonly type: 'failed'; readonly error: ErrorJSON }

/**
 * To a peer process: all peers of the run stop, so end where you are, with a checkpoint. Losing the channel means the
 * same.
 */
export interface StopMessage {
  readonly type: 'stop'
}
