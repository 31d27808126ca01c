import type { Digest, LinkStatistics, PeerId, PhasePlaces, RunEvent, RunManifest } from '@peergrad/core'
import { emptySeries, type Series } from './series.js'

/** The event of one type. */
export type EventOf<T extends RunEvent['type'], E = RunEvent> = E extends { readonly type: infer U }
  ? T extends U
    ? E
    : never
  : never

/** One end of a link, as its peer tells. */
export interface LinkEnd {
  /** undefined while nothing was told of it: then bytes on it say that it is there */
  readonly connected: boolean | undefined
  /** of the peer's whole life; undefined before it told */
  readonly bytes: LinkStatistics | undefined
}

/** What computes and what stores at a peer. */
export interface Equipment {
  readonly engine: string
  readonly engineWhy: string
  readonly store: string
  readonly denseInStore: boolean
  readonly phasePlaces: PhasePlaces | undefined
}

/** One peer up to now. Bytes are its own counts; times are those of the events. */
export interface PeerState {
  readonly id: PeerId
  /** what it said last of itself */
  readonly life: 'unknown' | 'running' | 'paused' | 'left' | 'finished'
  readonly suspectedBy: readonly PeerId[]
  /** why a quorum gave it up; undefined while it has not */
  readonly lost: string | undefined
  /** why it has no part in the run any more; undefined while it has */
  readonly excluded: string | undefined
  readonly equipment: Equipment | undefined
  /** last round that ended here, −1 before the first */
  readonly round: number
  readonly phase: string
  /** phases that began, and rounds that ended, in order */
  readonly phases: Series<EventOf<'phase'> | EventOf<'round'>>
  readonly rounds: Series<EventOf<'round'>>
  readonly evaluations: Series<EventOf<'evaluated'>>
  readonly links: ReadonlyMap<PeerId, LinkEnd>
  /** bytes of vectors by the strategy's formula for its rounds so far */
  readonly formula: { readonly sent: number; readonly received: number } | undefined
  readonly bytesSent: number
  readonly bytesReceived: number
  /** milliseconds of each phase over its rounds */
  readonly times: Readonly<Record<string, number>>
  /** rounds that its contribution is in */
  readonly contributed: number
  /** bytes of its contributions as others fetch them, and with nothing left out */
  readonly packed: { readonly bytes: number; readonly whole: number }
  readonly parametersHash: Digest | undefined
  readonly checkpoint: string | undefined
}

/** What is known of a run up to one event. */
export interface RunState {
  readonly run: string
  readonly manifest: RunManifest | undefined
  /** milliseconds since the first event; never goes back */
  readonly time: number
  readonly peers: readonly PeerState[]
  /** place of each in `peers` */
  readonly places: ReadonlyMap<PeerId, number>
  readonly view: { readonly number: number; readonly members: readonly PeerId[] }
  /** the latest round whose contributors were counted, and how many were */
  readonly counted: { readonly round: number; readonly rounds: number }
  readonly steps: number
  /** what is worth a line: suspicions, losses, refusals, views … */
  readonly happenings: Series<RunEvent>
}

export const EMPTY: RunState = {
  run: '',
  manifest: undefined,
  time: 0,
  peers: [],
  places: new Map(),
  view: { number: -1, members: [] },
  counted: { round: -1, rounds: 0 },
  steps: 0,
  happenings: emptySeries()
}

export function newPeer(id: PeerId): PeerState {
  return {
    id,
    life: 'unknown',
    suspectedBy: [],
    lost: undefined,
    excluded: undefined,
    equipment: undefined,
    round: -1,
    phase: '',
    phases: emptySeries(),
    rounds: emptySeries(),
    evaluations: emptySeries(),
    links: new Map(),
    formula: undefined,
    bytesSent: 0,
    bytesReceived: 0,
    times: {},
    contributed: 0,
    packed: { bytes: 0, whole: 0 },
    parametersHash: undefined,
    checkpoint: undefined
  }
}
