import { PeergradError, type Options, type RunManifest } from '@peergrad/core'
import type { Seen, SeenRun, Visit } from '@peergrad/peer'
import type { Finding } from '../finding.js'
import type { Listeners } from '../listeners.js'

/** A peer that answers, and what it is held against. */
export interface PeerContext {
  readonly visit: Visit
  readonly seen: Seen
  readonly options: Options
  /** the run that this machine would take part in, when it was described */
  readonly own: RunManifest | undefined
  /** undefined when this machine cannot listen */
  readonly listeners: Listeners | undefined
}

/** Undefined where there is nothing to look at. */
export type PeerCheck = (context: PeerContext) => Promise<Finding | undefined> | Finding | undefined

/** A peer that was examined, with its run where it told that. */
export interface Examined {
  readonly visit: Visit
  readonly seen: Seen
  readonly run: SeenRun | undefined
}

/** Enough of a peer's id to tell it from others. */
export function short(peer: string): string {
  return peer.length > 12 ? `…${peer.slice(-8)}` : peer
}

/** The host of a multiaddr such as /ip4/192.0.2.7/tcp/4001. */
export function hostOf(address: string): string {
  return address.split('/')[2] ?? ''
}

/** The fault of a peer that did not do what it was asked, when it said why. */
export function refusalOf(thrown: unknown, otherwise: string): string {
  const { refusal } = PeergradError.from(thrown).data
  return refusal === 'indirect' ? 'relayed' : refusal === 'too-often' ? 'asked-too-often' : otherwise
}

/** Who founded a run, and when. */
export function founding({ founder, founded }: SeenRun['lineage']): string {
  return `founded by ${short(founder)} at ${new Date(founded).toISOString().slice(0, 19)}Z`
}
