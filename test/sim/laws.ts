import { quorum, type PeergradError } from '@peergrad/core'
import { gaps, isAbsent, majoritySince, struckAgain, viewAt } from './presence.js'
import type { Life, Outcome } from './trial.js'

/** What must never be, and where it was: each list is empty when all is well. */
export interface Breaches {
  /** did not come to an end */
  readonly hung: string[]
  /** two models after one round */
  readonly diverged: string[]
  /** lived, and did not finish with the others */
  readonly lost: string[]
  /** lived, and is not in the last view */
  readonly excluded: string[]
  /** a round that took longer than deadline and grace although a majority was there */
  readonly late: string[]
  /** had no majority with it for longer than a round may take, and did not say that it pauses */
  readonly silent: string[]
  /** anything else: rounds that do not add up, an exception */
  readonly wrong: string[]
}

export const LAWS = ['hung', 'diverged', 'lost', 'excluded', 'late', 'silent', 'wrong'] as const

/** Milliseconds more for the first round after a majority was gone: its peers must find each other first. */
const REUNION = 1000
/** What a disk that is full may end a peer with, once the run is over. */
const DISK = ['full', 'argument']
/** Why a peer left that the strategy retired. */
const LET_GO = 'the strategy let it go'

export function breaches(outcome: Outcome): Breaches {
  return {
    hung: hung(outcome),
    diverged: diverged(outcome),
    ...(isStranded(outcome) ? stranded(outcome) : finished(outcome)),
    late: late(outcome),
    silent: silent(outcome),
    wrong: wrong(outcome)
  }
}

export function isWell(found: Breaches): boolean {
  return LAWS.every((law) => found[law].length === 0)
}

/**
 * No majority of the last view is left that was there when the last round was decided: then to pause, and to give up
 * in the end, is right.
 */
export function isStranded(outcome: Outcome): boolean {
  const { lives } = outcome
  const members = viewAt(outcome, Infinity)
  const rounds = lives.flatMap(({ events }) => events.flatMap(({ type, at }) => (type === 'round' ? [at] : [])))
  const decided = Math.max(0, ...rounds)
  const left = lives.filter(
    (life) => members.includes(life.name) && !life.ended && !crashed(life) && life.began <= decided
  )
  return members.length > 0 && left.length < quorum(members.length)
}

function hung({ lives, end }: Outcome): string[] {
  return lives
    .filter(({ ended, ending }) => !ended && ending === undefined)
    .map((life) => `${life.name} was not done at ${Math.round(end)} ms: ${lastWords(life)}`)
}

function diverged({ lives }: Outcome): string[] {
  const found: string[] = []
  const hashes = new Map<number, { hash: string; name: string }>()
  for (const { name, events } of lives) {
    for (const event of events) {
      if (event.type !== 'round') continue
      const first = hashes.get(event.round)
      if (first === undefined) hashes.set(event.round, { hash: event.parametersHash, name })
      else if (first.hash !== event.parametersHash) {
        found.push(`round ${event.round}: ${name} and ${first.name} hold different models`)
      }
    }
    const last = events.findLast(({ type }) => type === 'diverged' || type === 'healed')
    if (last?.type === 'diverged') found.push(`${name} diverged in round ${last.round} and did not heal`)
  }
  return found
}

function finished(outcome: Outcome): Pick<Breaches, 'lost' | 'excluded'> {
  const { scenario } = outcome
  const here = outcome.lives.filter((life) => !life.ended && !crashed(life) && !isLetGo(outcome, life))
  const living = here.filter((life) => !isLeftBehind(outcome, life))
  const hashes = living.map(lastHash)
  const common = mostCommon(hashes.flatMap((hash) => hash ?? []))
  const lost = living.flatMap((life, index) => {
    const { ending, name } = life
    if (ending === undefined) return [`${name} is not done: ${lastWords(life)}`]
    if ('error' in ending && !spoiledByDisk(life, scenario.rounds)) {
      return [`${name} gave up: ${ending.error.code}, ${ending.error.message}; ${lastWords(life)}`]
    }
    if (hashes[index] !== common) return [`${name} finished with another model; ${lastWords(life)}`]
    return []
  })
  const excluded = living.flatMap(({ ending, name }) => {
    if (ending === undefined || 'error' in ending) return []
    const missing = living.filter((life) => !ending.result.members.includes(life.name)).map((life) => life.name)
    return missing.length > 0 ? [`the last view of ${name} lacks ${missing.join(', ')}`] : []
  })
  return { lost: [...lost, ...unsaid(here.filter((life) => !living.includes(life)))], excluded }
}

/** Whoever lives must say that it pauses, and end with a reason in the end. */
function stranded(outcome: Outcome): Pick<Breaches, 'lost' | 'excluded'> {
  return {
    lost: unsaid(outcome.lives.filter((life) => !life.ended && !crashed(life) && !isLetGo(outcome, life))),
    excluded: []
  }
}

/** Those that did not say it, or finished. */
function unsaid(lives: readonly Life[]): string[] {
  return lives.flatMap((life) => {
    const { ending, name, events } = life
    if (ending !== undefined && 'result' in ending) return [`${name} finished without a majority`]
    const said = !events.some(({ type }) => type === 'view') || events.some(({ type }) => type === 'paused')
    return said ? [] : [`${name} did not say that it pauses; ${lastWords(life)}`]
  })
}

/**
 * The run went on without it, and its strategy had let so many go when it came back that no majority of the view which it knows
 * was left: nobody can prove to it what became of the run.
 */
function isLeftBehind(outcome: Outcome, { name, events, ending }: Life): boolean {
  const back = outcome.absences.findLast(({ peer }) => peer === name)?.to
  if (back === undefined || ending === undefined || 'result' in ending || !letsGo(outcome)) return false
  const known = events.findLast((event) => event.type === 'view')?.members ?? []
  const then = viewAt(outcome, back)
  return !then.includes(name) && known.filter((peer) => then.includes(peer)).length < quorum(known.length)
}

/**
 * Rounds at peers that were there all the time, while a majority was. A fault after another that was noticed is counted from: to
 * notice one takes the failure detector 2 s, half of deadline and grace.
 */
function late(outcome: Outcome): string[] {
  const { scenario, lives } = outcome
  const limit = scenario.deadline + scenario.grace
  return lives.flatMap((life) => {
    const { name, events } = life
    const rounds = events.flatMap((event) => (event.type === 'round' ? [event] : []))
    return rounds.slice(1).flatMap(({ round, at }, index) => {
      const before = rounds[index]
      if (round !== before.round + 1 || isAbsent(outcome, name, before.at, at)) return []
      const gathered = majoritySince(outcome, life, before.at, at)
      if (gathered === undefined) return []
      const allowed = gathered > before.at ? limit + REUNION : limit
      const took = at - (struckAgain(outcome, gathered, at) ?? gathered)
      return took > allowed ? [`round ${round} took ${name} ${Math.round(took)} ms, expected ${allowed} at most`] : []
    })
  })
}

function silent(outcome: Outcome): string[] {
  const { scenario, lives, absences } = outcome
  const limit = scenario.deadline + scenario.grace
  return gaps(outcome).flatMap(({ from, to }) => {
    if (to - from <= limit) return []
    return lives.flatMap(({ name, events, began, endedAt }) => {
      const member = viewAt(outcome, from).includes(name) && began < from
      const stood = absences.some(
        ({ peer, why, ...away }) => peer === name && why !== 'partition' && away.from < to && away.to > from
      )
      const paused = events.some(({ type, at }) => type === 'paused' && at <= from + limit)
      if (!member || stood || paused || (endedAt ?? Infinity) < to) return []
      return [`${name} did not say that it pauses, without a majority from ${Math.round(from)} to ${Math.round(to)} ms`]
    })
  })
}

function wrong(outcome: Outcome): string[] {
  const { scenario, lives, absences, broken } = outcome
  const found = broken === undefined ? [] : [broken]
  found.push(...unnoticed(outcome))
  for (const life of lives) {
    const { name, ending } = life
    if (life.ended || ending === undefined || 'error' in ending || isLetGo(outcome, life)) continue
    const { result } = ending
    for (const { peer, from, to } of absences) {
      const late = (life.endedAt ?? 0) - from > scenario.deadline + scenario.grace
      if (to === Infinity && late && result.members.includes(peer))
        found.push(`the last view of ${name} has ${peer}, which is gone`)
    }
    if (result.round !== scenario.rounds) found.push(`${name} made ${result.round} rounds, expected ${scenario.rounds}`)
    const always = life.began === 0 && !absences.some(({ peer }) => peer === name)
    const healed = life.events.some(({ type }) => type === 'healed')
    if (always && !healed && result.rounds !== scenario.rounds) {
      found.push(`${name} saw ${result.rounds} rounds, expected ${scenario.rounds}`)
    }
  }
  return found
}

/** Peers that went on with a part that had crashed, although their rounds needed it. */
function unnoticed(outcome: Outcome): string[] {
  const { scenario, lives, absences } = outcome
  const limit = scenario.deadline + scenario.grace
  return absences.flatMap((absence) => {
    const { peer, why, from } = absence
    const until = from + limit
    const others = absences.filter((other) => other !== absence && other.peer === peer)
    const idle = [...others, ...gaps(outcome)].some((gap) => gap.from < until && gap.to > from)
    const life = lives.findLast(({ name, began }) => name === peer && began <= from)
    if (why !== 'crash' || idle || (life?.endedAt ?? Infinity) <= until) return []
    return [`${peer} went on for more than ${limit} ms after a part of it had crashed`]
  })
}

function crashed({ ending }: Life): boolean {
  return ending !== undefined && 'error' in ending && ending.error.code === 'crashed'
}

/** Whether the strategy may do without peers. */
function letsGo({ scenario }: Outcome): boolean {
  return scenario.strategy.includes('scale-in=true')
}

/** The strategy could do without it: it left as it was told, or its full disk ended it when it did. */
function isLetGo(outcome: Outcome, { name, ending, events }: Life): boolean {
  if (ending === undefined || !letsGo(outcome)) return false
  if ('error' in ending) {
    const last = events.findLast((event) => event.type === 'view')
    return isOfDisk(ending.error) && last !== undefined && !last.members.includes(name)
  }
  const said = events.some((event) => event.type === 'left' && event.reason === LET_GO)
  return said && ending.result.status === 'left'
}

function spoiledByDisk({ ending, events }: Life, rounds: number): boolean {
  if (ending === undefined || 'result' in ending) return false
  return isOfDisk(ending.error) && lastRound(events) === rounds - 1
}

function isOfDisk({ code, message }: PeergradError): boolean {
  return DISK.includes(code) && message.startsWith('checkpoint')
}

function lastRound(events: Life['events']): number | undefined {
  const last = events.findLast(({ type }) => type === 'round')
  return last?.type === 'round' ? last.round : undefined
}

function lastHash({ events }: Life): string | undefined {
  const last = events.findLast(({ type }) => type === 'round')
  return last?.type === 'round' ? last.parametersHash : undefined
}

function lastWords({ events }: Life): string {
  const last = events.at(-1)
  const round = lastRound(events)
  const what =
    last === undefined ? 'it said nothing' : `the last it said was "${last.type}" at ${Math.round(last.at)} ms`
  return round === undefined ? what : `${what}, after round ${round}`
}

function mostCommon(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0]
}
