import { isAbsent } from './presence.js'
import type { Outcome } from './trial.js'

/** Virtual milliseconds, one entry for each time that it happened. */
export interface Measures {
  /** from a peer's absence to the first suspicion of it */
  readonly detect: number[]
  /** from there to a view without it at all that are there */
  readonly agree: number[]
  /** from there to the end of a round at all that are there */
  readonly recover: number[]
  /** from the return, or the start of a newcomer, to a view with it at all that are there */
  readonly rejoin: number[]
}

export const MEASURES = ['detect', 'agree', 'recover', 'rejoin'] as const

export function measures(outcome: Outcome): Measures {
  const found: Measures = { detect: [], agree: [], recover: [], rejoin: [] }
  for (const { peer, from, to } of outcome.absences) {
    const suspicion = first(
      witnesses(outcome, peer, from),
      ({ type, at, ...event }) =>
        type === 'suspected' && at >= from && at < to && 'other' in event && event.other === peer
    )
    if (suspicion !== undefined) {
      found.detect.push(suspicion - from)
      const gone = viewEverywhere(outcome, peer, suspicion, (members) => !members.includes(peer))
      if (gone !== undefined && gone < to) {
        found.agree.push(gone - suspicion)
        const ended = witnesses(outcome, peer, gone).map((events) =>
          first([events], ({ type, at }) => type === 'round' && at > gone)
        )
        const all = last(ended)
        if (all !== undefined) found.recover.push(all - gone)
        rejoined(outcome, found, peer, to)
      }
    }
  }
  outcome.scenario.newcomers.forEach((at, index) => {
    const life = outcome.lives.find(
      ({ name }) => name === `peer${String.fromCharCode(65 + outcome.scenario.peers + index).repeat(12)}`
    )
    if (life !== undefined) rejoined(outcome, found, life.name, at)
  })
  return found
}

type Events = Outcome['lives'][number]['events']

function rejoined(outcome: Outcome, found: Measures, peer: string, from: number): void {
  if (from === Infinity) return
  const there = viewEverywhere(outcome, peer, from, (members) => members.includes(peer))
  if (there !== undefined) found.rejoin.push(there - from)
}

/** When all that are there have a view that fits, if they all get one after `from`. */
function viewEverywhere(
  outcome: Outcome,
  peer: string,
  from: number,
  fits: (members: readonly string[]) => boolean
): number | undefined {
  const times = witnesses(outcome, peer, from).map((events) =>
    first([events], (event) => event.type === 'view' && event.at >= from && fits(event.members))
  )
  return last(times)
}

/** Events of the members that are there at `from` and a while after, without the peer. */
function witnesses(outcome: Outcome, peer: string, from: number): Events[] {
  return outcome.lives
    .filter(({ name, began, events }) => {
      const member = events.some(({ type, at }) => type === 'view' && at <= from)
      return name !== peer && began <= from && member && !isAbsent(outcome, name, from, from + 3000)
    })
    .map(({ events }) => events)
}

function first(lives: readonly Events[], fits: (event: Events[number]) => boolean): number | undefined {
  const times = lives.flatMap((events) => events.find(fits)?.at ?? [])
  return times.length === 0 ? undefined : Math.min(...times)
}

function last(times: readonly (number | undefined)[]): number | undefined {
  if (times.length === 0 || times.includes(undefined)) return undefined
  return Math.max(...times.map((time) => time ?? 0))
}
