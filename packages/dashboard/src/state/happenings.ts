import type { RunEvent } from '@peergrad/core'
import { shortName, shown } from '../text.js'
import type { EventOf } from './state.js'

export interface Line {
  readonly time: number
  readonly who: string
  readonly what: string
  /** something is wrong */
  readonly grave: boolean
  /** signed messages and other proofs, as text */
  readonly evidence: readonly string[]
}

type Sentences = { readonly [T in RunEvent['type']]?: (event: EventOf<T>) => string }

const SENTENCES: Sentences = {
  view: ({ number, members }) => `view ${number}: ${members.length} peers: ${members.map(shortName).join(', ')}`,
  suspected: ({ other, reason }) => `suspects ${shortName(other)}: ${shown(reason)}`,
  trusted: ({ other }) => `trusts ${shortName(other)} again`,
  lost: ({ other, reason }) => `gives ${shortName(other)} up: ${shown(reason)}`,
  equivocated: ({ other, round }) => `has two contradictory manifests of ${shortName(other)} for round ${round + 1}`,
  excluded: ({ other, round, reason }) => `excludes ${shortName(other)} for round ${round + 1}: ${shown(reason)}`,
  refused: ({ other, offence, reason }) => `refuses ${shortName(other)} (${shown(offence)}): ${shown(reason)}`,
  merged: ({ founder }) => `gave up its founding for the older one of ${shortName(founder)}`,
  diverged: ({ round }) => `holds other parameters than the majority after round ${round + 1}`,
  healed: ({ round }) => `took the state of the others at round ${round + 1}`,
  paused: ({ reason }) => `pauses: ${shown(reason)}`,
  resumed: ({ reason }) => `goes on: ${shown(reason)}`,
  left: ({ reason }) => `left: ${shown(reason)}`,
  finished: ({ round, parametersHash }) => `finished after round ${round + 1}, parameters ${shown(parametersHash, 12)}`
}

const GRAVE = new Set<RunEvent['type']>([
  'suspected',
  'lost',
  'equivocated',
  'excluded',
  'refused',
  'diverged',
  'paused'
])

/** What one of the happenings of a run says. */
export function lineOf(event: RunEvent): Line {
  // a later version's type may be a name that every object has
  const known = Object.hasOwn(SENTENCES, event.type)
  const say = known ? (SENTENCES[event.type] as (event: RunEvent) => string) : undefined
  return {
    time: event.time,
    who: shortName(event.peer),
    what: say?.(event) ?? event.type,
    grave: GRAVE.has(event.type),
    evidence: proofOf(event).map((text) => shown(text, 4000))
  }
}

function proofOf(event: RunEvent): readonly string[] {
  if (event.type === 'equivocated') return event.envelopes
  return event.type === 'excluded' ? event.evidence : []
}
