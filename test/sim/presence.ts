import { quorum } from '@peergrad/core'
import type { Life, Outcome } from './trial.js'

/** Whether the peer was away at any time from … to, or had not come back into the view from being away. */
export function isAbsent({ absences, lives }: Outcome, name: string, from: number, to: number): boolean {
  return absences.some((absence) => {
    if (absence.peer !== name || absence.from > to) return false
    const back = lives
      .filter((life) => life.name === name)
      .flatMap(({ events }) => events)
      .find((event) => event.type === 'round' && event.at > absence.to)
    return from <= (back?.at ?? Infinity)
  })
}

/**
 * Since when, before `to` and not before `from`, a majority has been there of the view that the life is in, whatever view others
 * have come to; undefined if it is not at `to`.
 */
export function majoritySince(
  outcome: Outcome,
  life: Pick<Life, 'events'>,
  from: number,
  to: number
): number | undefined {
  let since: number | undefined
  for (const time of changes(outcome, from, to)) {
    const members = viewAt({ lives: [life] }, time)
    if (!isMajority(members, (name) => !isAbsent(outcome, name, time, time))) since = undefined
    else since ??= time
  }
  return since
}

/** When the last fault struck, from … to, after an earlier one of that time had been noticed: then the round begins anew again. */
export function struckAgain({ absences, lives }: Outcome, from: number, to: number): number | undefined {
  const struck = absences.filter((absence) => absence.from > from && absence.from < to)
  const noticed = lives
    .flatMap(({ events }) => events.filter((event) => event.type === 'suspected'))
    .filter(({ at, other }) => struck.some((absence) => absence.peer === other && absence.from < at))
  return struck.findLast((absence) => noticed.some(({ at }) => at < absence.from))?.from
}

/** Times at which there was no majority, from … to; who has come back counts at once. */
export function gaps(outcome: Outcome): { from: number; to: number }[] {
  const { absences, end } = outcome
  const found: { from: number; to: number }[] = []
  let begun: number | undefined
  for (const time of [...changes(outcome, 0, end), end]) {
    const away = absences.filter(({ from, to }) => from <= time && time < to).map(({ peer }) => peer)
    if (!isMajority(viewAt(outcome, time), (name) => !away.includes(name)) && time < end) begun ??= time
    else if (begun !== undefined) {
      found.push({ from: begun, to: time })
      begun = undefined
    }
  }
  return found
}

/** Times from … to at which a view or who is there may have changed, the first included. */
function changes({ absences, lives }: Outcome, from: number, to: number): number[] {
  const views = lives.flatMap(({ events }) => events.flatMap(({ type, at }) => (type === 'view' ? [at] : [])))
  const times = [from, ...absences.flatMap((absence) => [absence.from, absence.to]), ...views]
  return [...new Set(times.filter((time) => time >= from && time < to))].sort((a, b) => a - b)
}

/** True before the first view, which has nobody. */
function isMajority(members: readonly string[], isHere: (name: string) => boolean): boolean {
  return members.length === 0 || members.filter(isHere).length >= quorum(members.length)
}

/** Members of the newest view that somebody has at that time; nobody before the first one. */
export function viewAt(
  { lives }: { readonly lives: readonly Pick<Life, 'events'>[] },
  time: number
): readonly string[] {
  let newest: { number: number; members: readonly string[] } = { number: -1, members: [] }
  for (const { events } of lives) {
    for (const event of events)
      if (event.type === 'view' && event.at <= time && event.number > newest.number) newest = event
  }
  return newest.members
}
