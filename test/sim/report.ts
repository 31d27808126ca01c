import { breaches, isStranded, LAWS, type Breaches } from './laws.js'
import { measures, type Measures } from './measures.js'
import { inWords, type Scenario } from './scenario.js'
import { runTrial, type Outcome } from './trial.js'

/** What one scenario came to, small enough to go from process to process. */
export interface Report {
  readonly words: string
  readonly breaches: Breaches
  readonly measures: Measures
  /** rounds that were decided */
  readonly rounds: number
  /** a majority was lost for good, so that the rest was right to give up */
  readonly stranded: boolean
  /** some fault's moment never came */
  readonly missed: boolean
  /** all that happened, in the order of time */
  readonly timeline: readonly string[]
}

export async function report(scenario: Scenario): Promise<Report> {
  const outcome = await runTrial(scenario)
  const decided = new Set(
    outcome.lives.flatMap(({ events }) => events.flatMap((event) => (event.type === 'round' ? [event.round] : [])))
  )
  return {
    words: inWords(scenario),
    breaches: breaches(outcome),
    measures: measures(outcome),
    rounds: decided.size,
    stranded: isStranded(outcome),
    missed: outcome.missed.length > 0,
    timeline: timeline(outcome)
  }
}

/** What is wrong, a line each; nothing when all is well. `replay` is the command that shows it again. */
export function complaint({ words, breaches }: Pick<Report, 'words' | 'breaches'>, replay: string): string {
  const lines = LAWS.flatMap((law) => breaches[law].map((what) => `  ${law}: ${what}`))
  return lines.length === 0 ? '' : [words, ...lines, `  again: ${replay}`].join('\n')
}

/** Lines of `<virtual ms> <peer> <what happened>`; phases are left out, they are many. */
function timeline({ lives, absences }: Outcome): string[] {
  const lines = [
    ...absences.map(({ peer, from, to }) => ({ at: from, text: `${short(peer)} away until ${Math.round(to)}` })),
    ...lives.flatMap(({ name, began, events, ending }) => [
      { at: began, text: `${short(name)} began` },
      ...events.flatMap((event) =>
        event.type === 'phase' || event.type === 'links' ? [] : [{ at: event.at, text: told(name, event) }]
      ),
      ...(ending === undefined ? [] : [{ at: Infinity, text: `${short(name)} ${ended(ending)}` }])
    ])
  ]
  return lines.sort((a, b) => a.at - b.at).map(({ at, text }) => `${at === Infinity ? 'end' : at.toFixed(1)} ${text}`)
}

function told(name: string, event: Outcome['lives'][number]['events'][number]): string {
  switch (event.type) {
    case 'round': {
      const contributors = event.contributors.map(short).join('')
      return `${short(name)} round ${event.round} of ${contributors}, attempt ${event.attempt}, ${event.parametersHash.slice(0, 8)}`
    }
    case 'view':
      return `${short(name)} view ${event.number} of ${event.members.map(short).join('')}`
    case 'connected':
    case 'disconnected':
      return `${short(name)} ${event.type} ${short(event.other)}`
    case 'suspected':
    case 'refused':
      return `${short(name)} ${event.type} ${short(event.other)}: ${event.reason}`
    case 'paused':
    case 'resumed':
      return `${short(name)} ${event.type}: ${event.reason}`
    case 'diverged':
    case 'healed':
      return `${short(name)} ${event.type} in round ${event.round}`
    default:
      return `${short(name)} ${event.type}`
  }
}

function ended(ending: NonNullable<Outcome['lives'][number]['ending']>): string {
  if ('error' in ending) return `gave up: ${ending.error.code}, ${ending.error.message}`
  const { status, steps, members, parametersHash } = ending.result
  return `${status} after ${steps} steps in view ${members.map(short).join('')}, ${parametersHash.slice(0, 8)}`
}

/** The letter of a peer's name. */
function short(name: string): string {
  return name.slice(4, 5)
}
