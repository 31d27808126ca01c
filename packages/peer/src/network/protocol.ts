import type { Digest, ErrorJSON, FetchReport, LinkStatistics, Offence, PeerId, VectorHandle } from '@peergrad/core'

import type { RelayUse } from './reach/relay.js'

/** What the main thread and the network worker say to each other. Vectors go by handle, errors by toJSON. */

export interface WorkerInit {
  readonly identityFile: string
  readonly listen: readonly string[]
  readonly bootstrap: readonly string[]
  readonly mdns: boolean
  readonly topic: string
  readonly memory: WebAssembly.Memory
  readonly fastLane: boolean
  readonly transport: string | undefined
  readonly relay: RelayUse
  readonly via: readonly string[]
  readonly addressBook: string | undefined
  readonly upnp: readonly string[] | undefined
  readonly dht: boolean
  /** libp2p counts what it does */
  readonly counts: boolean
  /** what a thread before this one counted */
  readonly links: readonly LinkStatistics[]
}

export interface NetworkStatistics {
  /** longest time since the last call in which the network thread did not turn, to a resolution of about 5 ms */
  readonly longestBlockMilliseconds: number
}

/** Calls that are answered. */
export interface Calls {
  addresses: { arguments: Record<never, never>; result: string[] }
  dial: { arguments: { address: string }; result: PeerId }
  announce: { arguments: { payload: Uint8Array }; result: undefined }
  request: { arguments: { peer: PeerId; payload: Uint8Array; deadline: number }; result: Uint8Array }
  unserve: { arguments: { digest: Digest }; result: undefined }
  fetch: {
    arguments: {
      digest: Digest
      bytes: number
      announcer: PeerId | undefined
      offset: number
      from: readonly PeerId[]
      into: VectorHandle
      deadline: number
    }
    result: FetchReport
  }
  statistics: { arguments: Record<never, never>; result: NetworkStatistics }
  metrics: { arguments: Record<never, never>; result: string }
  close: { arguments: Record<never, never>; result: undefined }
}

export type CallMessage = {
  [M in keyof Calls]: { type: 'call'; id: number; method: M; arguments: Calls[M]['arguments'] }
}[keyof Calls]

/** To the worker. Notes are not answered. */
export type ToWorker =
  | CallMessage
  | { type: 'cancel'; id: number }
  | { type: 'admit'; peers: readonly PeerId[] }
  | { type: 'serve'; digest: Digest; vector: VectorHandle }
  | { type: 'beat'; payload: Uint8Array }
  | { type: 'tell'; peer: PeerId; payload: Uint8Array }
  | { type: 'report'; peer: PeerId; offence: Offence }
  | { type: 'hang-up'; peer: PeerId }
  | { type: 'rendezvous'; run: string }
  | { type: 'respond'; request: number; payload: Uint8Array }
  | { type: 'refuse'; request: number; error: ErrorJSON }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** From the worker. */
export type FromWorker =
  | { type: 'ready'; self: PeerId }
  | { type: 'failed'; error: ErrorJSON }
  | { type: 'result'; id: number; value: Calls[keyof Calls]['result'] }
  | { type: 'error'; id: number; error: ErrorJSON }
  | { type: 'beat'; from: PeerId; payload: Uint8Array }
  | { type: 'told'; from: PeerId; payload: Uint8Array }
  | { type: 'message'; from: PeerId; payload: Uint8Array; envelope: Uint8Array }
  | { type: 'request'; request: number; from: PeerId; payload: Uint8Array; envelope: Uint8Array }
  | { type: 'connect'; peer: PeerId }
  | { type: 'disconnect'; peer: PeerId }
  | { type: 'expelled'; peer: PeerId }
  | { type: 'served'; peer: PeerId; digest: Digest; bytes: number }
  /** rows that changed, and whose are gone; sent before whatever made them change, so that `links` is never behind an answer */
  | { type: 'links'; rows: readonly LinkStatistics[]; gone: readonly PeerId[] }
  | { type: 'log'; level: LogLevel; fields: Readonly<Record<string, unknown>>; message: string }
