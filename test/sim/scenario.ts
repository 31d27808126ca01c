import type { RunManifest } from '@peergrad/core'
import type { LinkConditions } from '@peergrad/peer'
import type { Moment } from './moments.js'

/** a virtual time in milliseconds */
interface At {
  readonly at: number
}

/** A time, or a moment of the peer that the fault hits, in this round or the next that has it. */
export type When = At | { readonly moment: Moment; readonly round: number }

/** Peers are numbers; those from `Scenario.peers` on are newcomers. Durations are virtual milliseconds. */
export type Fault =
  /** the process is killed, and started again after `back` */
  | { readonly kind: 'kill'; readonly peer: number; readonly when: When; readonly back?: number }
  | { readonly kind: 'stop'; readonly peer: number; readonly when: When; readonly lasts: number }
  /** from then on every call of the part rejects with `crashed`; the process is started again `back` after it ended */
  | {
      readonly kind: 'crash'
      readonly part: 'store' | 'engine'
      readonly peer: number
      readonly when: When
      readonly back?: number
    }
  | {
      readonly kind: 'partition'
      readonly groups: readonly (readonly number[])[]
      readonly when: At
      readonly lasts: number
    }
  | {
      readonly kind: 'one-way'
      readonly from: number
      readonly to: number
      readonly when: At
      readonly lasts: number
    }
  /** links of these peers to all others, or of all */
  | {
      readonly kind: 'links'
      readonly conditions: Partial<LinkConditions>
      readonly of: readonly number[] | 'all'
      readonly when: At
      readonly lasts: number
    }
  /** the time of day is wrong by so many milliseconds, from the start */
  | { readonly kind: 'skew'; readonly peer: number; readonly by: number }
  /** no checkpoint can be written */
  | { readonly kind: 'disk'; readonly peer: number }

export interface Scenario {
  /** of the run and of the network's chances */
  readonly seed: number
  readonly strategy: string
  /** what differs from the manifest of the simulation, besides the members here */
  readonly manifest?: Partial<RunManifest>
  readonly peers: number
  readonly rounds: number
  /** milliseconds that a gradient takes */
  readonly compute: number
  /** milliseconds, as in the run manifest */
  readonly deadline: number
  readonly grace: number
  readonly faults: readonly Fault[]
  /** when somebody new starts, each; virtual milliseconds */
  readonly newcomers: readonly number[]
}

/** The scenario as a person would tell it. */
export function inWords({ peers, strategy, rounds, faults, newcomers }: Scenario): string {
  const parts = [
    ...newcomers.map((at, index) => `peer ${peers + index} comes at ${seconds(at)}`),
    ...faults.map((fault) => faultInWords(fault))
  ]
  return `${peers} peers, ${strategy}, ${rounds} rounds: ${parts.join('; ') || 'no fault'}`
}

function faultInWords(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill ${fault.peer} ${when(fault.when)}${back(fault.back)}`
    case 'stop':
      return `stop ${fault.peer} ${when(fault.when)} for ${seconds(fault.lasts)}`
    case 'crash':
      return `crash of the ${fault.part} of ${fault.peer} ${when(fault.when)}${back(fault.back)}`
    case 'partition':
      return `partition ${fault.groups.map((group) => group.join(' ')).join(' | ')} ${during(fault)}`
    case 'one-way':
      return `nothing from ${fault.from} to ${fault.to} ${during(fault)}`
    case 'links': {
      const conditions = Object.entries(fault.conditions).map(([name, value]) => `${name} ${value}`)
      const links = fault.of === 'all' ? 'all links' : `links of ${fault.of.join(' ')}`
      return `${conditions.join(', ')} on ${links} ${during(fault)}`
    }
    case 'skew':
      return `clock of ${fault.peer} wrong by ${fault.by / 3_600_000} h`
    case 'disk':
      return `disk of ${fault.peer} full`
  }
}

function when(time: When): string {
  return 'at' in time ? `at ${seconds(time.at)}` : `${time.moment} in round ${time.round}`
}

function during({ when: time, lasts }: { when: When; lasts: number }): string {
  return `${when(time)} for ${seconds(lasts)}`
}

function back(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : `, back after ${seconds(milliseconds)}`
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}
