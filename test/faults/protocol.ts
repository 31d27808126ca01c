import type { ErrorJSON, PeerId, RunEvent } from '@peergrad/core'
import type { PeerResult } from '@peergrad/peer'

/** The moments of a round, and of the way into a run, at which a peer can be made to die. */
export const MOMENTS = [
  /** its contribution is in its store, and nobody was told */
  'before-announcing',
  /** the first bytes of a vector are on their way to another peer */
  'sending',
  /** half of a vector is on its way to another peer */
  'half-sent',
  /** its store merges the contributions */
  'reducing',
  /** it has the merged vector, and nobody was told */
  'aggregated',
  /** it saw that a majority accepted, and nobody was told */
  'accepting',
  /** it takes the coordinator's role over */
  'taking-over',
  /** it was asked for the state of the run */
  'donating',
  /** it has half of the state of the run */
  'syncing'
] as const
export type Moment = (typeof MOMENTS)[number]

/** Where a peer is to die, as `kill -9` does. */
export interface Trap {
  readonly moment: Moment
  /** file that the one who dies makes: of several peers with one file the first that comes to the moment dies */
  readonly lock: string
}

/** What a peer process is started with, as one JSON argument. */
export interface PeerSettings {
  /** file of its key */
  readonly identity: string
  /** addresses of peers to join through; none: it founds the run */
  readonly join: readonly string[]
  readonly listen: readonly string[]
  /** what the network thread takes in place of TCP */
  readonly transport?: string
  readonly fastLane?: boolean
  /** words of the command line that describe the run, and their values: read by the founder alone */
  readonly run: Readonly<Record<string, string | number>>
  /** 'quadratic' and 'flat' need no tfjs, 'flat' is for large vectors; 'wasm' trains the run's model on the run's data */
  readonly engine: 'quadratic' | 'flat' | 'wasm'
  /** floats of the model that needs no tfjs */
  readonly length: number
  /** milliseconds that a gradient of it takes, by the clock and not by the processor */
  readonly milliseconds: number
  /** bytes of all vectors */
  readonly memory: number
  /** its database is a private redis-server; memory when left out */
  readonly store?: 'redis'
  /** milliseconds to wait for other peers */
  readonly patience: number
  /** what it does when it is hostile, as --attack has it */
  readonly attack?: string
  /** directory of its checkpoints; none is written when left out */
  readonly checkpoints?: string
  readonly trap?: Trap
}

export type ThreadName = 'network' | 'store' | 'engine'

/** What one thread of a peer holds, in bytes and counts; with Node's --expose-gc after everything else was collected. */
export interface ThreadUse {
  /** 0 is the main thread */
  readonly thread: number
  readonly heapUsed: number
  /** what the heap has from the system and does not use: V8 takes and returns 16 MB of it at once */
  readonly reserve: number
  /** buffers outside of the heap */
  readonly external: number
  readonly timers: number
}

/** What a peer process holds, all its threads together. */
export interface Use extends Omit<ThreadUse, 'thread'> {
  readonly rss: number
  /** resident memory without the reserve of the heaps */
  readonly resident: number
  readonly threads: readonly ThreadUse[]
  /** resident bytes by kind of mapping */
  readonly mappings: Readonly<Record<string, number>>
  readonly descriptors: number
  /** of a hostile peer, what it said otherwise than its honest half, or in silence of it */
  readonly lies: number
  /** over all links, as the mesh counts them */
  readonly controlBytesSent: number
}

/** `wall` is the time of day in milliseconds, so that what several processes say falls into one order. */
export type FromPeer =
  | { readonly type: 'listening'; readonly peer: PeerId; readonly addresses: readonly string[] }
  /** it has all that it needs to train */
  | { readonly type: 'ready'; readonly wall: number }
  | { readonly type: 'event'; readonly wall: number; readonly event: RunEvent }
  | { readonly type: 'use'; readonly id: number; readonly use: Use }
  /** its private redis-server */
  | { readonly type: 'database'; readonly pid: number }
  /** a thread of it ended */
  | { readonly type: 'thread-ended'; readonly of: ThreadName }
  | { readonly type: 'ended'; readonly wall: number; readonly result: PeerResult }
  | { readonly type: 'failed'; readonly wall: number; readonly error: ErrorJSON }

export type ToPeer =
  | { readonly type: 'leave' }
  /** from now on every evaluation meets the run's target, which ends the run */
  | { readonly type: 'finish' }
  | { readonly type: 'use'; readonly id: number }
  | { readonly type: 'trap'; readonly trap: Trap }
  | { readonly type: 'end-thread'; readonly of: ThreadName }
  /** the main thread allocates until there is no memory left */
  | { readonly type: 'hoard' }

/** Between the threads of one peer. */
export type BetweenThreads =
  /** kill the process once a socket carried so many bytes of vectors */
  | { readonly type: 'die-after'; readonly bytes: number; readonly lock: string }
  | { readonly type: 'use?' }
  | { readonly type: 'use'; readonly use: ThreadUse }

/** Name of the BroadcastChannel that the threads of one peer share. */
export const CHANNEL = 'peergrad-faults'
