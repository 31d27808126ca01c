import { loadPlugin, resolvePlugin, type RunManifest } from '@peergrad/core'
import { strategies } from '@peergrad/strategies'
import { MOMENTS, type Moment } from './moments.js'
import type { Fault, Scenario, When } from './scenario.js'

/** What happens to the victim: where it comes back, once before the others can notice, and once long after. */
export const BLOWS: Readonly<Record<string, (peer: number, when: When) => Fault>> = {
  kill: (peer, when) => ({ kind: 'kill', peer, when }),
  'kill, back at once': (peer, when) => ({ kind: 'kill', peer, when, back: 150 }),
  'kill, back later': (peer, when) => ({ kind: 'kill', peer, when, back: 2000 }),
  'stop for a moment': (peer, when) => ({ kind: 'stop', peer, when, lasts: 1000 }),
  'stop for long': (peer, when) => ({ kind: 'stop', peer, when, lasts: 4000 })
}

/** What a scenario of one strategy needs. */
interface Setting {
  /** in which the blow falls */
  readonly round: number
  /** milliseconds after which somebody new starts, where that is the matter */
  readonly comes: number
  readonly manifest?: Partial<RunManifest>
}

const USUAL: Setting = { round: 3, comes: 1500 }
const BASE = { seed: 1, peers: 4, rounds: 22, compute: 400, deadline: 2000, grace: 2000, newcomers: [] }

/** Options that make another way to go on of a strategy. */
const VARIANTS = ['gossip:async=true']

/** With steps so small that the loss is flat it lets the last of the view go in round 11, and another one every four rounds. */
const LETS_GO = 'mlless:scale-in=true,interval=1.5,horizon=1,tolerance=10'
const LETTING_GO: Setting = {
  round: 11,
  comes: 4800,
  manifest: { optimiser: { name: 'sgd', learningRate: 1e-6 } }
}

/** All strategies that exchange something: a new one is in the matrix by its line in the registry. */
export async function exchangeStrategies(): Promise<string[]> {
  const names = [...strategies.entries.keys(), ...VARIANTS]
  const all = await Promise.all(names.map((name) => loadPlugin('strategy', resolvePlugin(strategies, name))))
  return names.filter((_, index) => all[index].kind === 'exchange')
}

/** Those, and one that does without peers as it goes on. */
export async function matrixStrategies(): Promise<string[]> {
  return [...(await exchangeStrategies()), LETS_GO]
}

/** What differs from the manifest of the simulation, for a strategy. */
export function manifestOf(strategy: string): Pick<Scenario, 'manifest'> {
  const { manifest } = settingOf(strategy)
  return manifest === undefined ? {} : { manifest }
}

export interface MatrixCase {
  /** among those of the strategy */
  readonly index: number
  readonly moment: Moment
  readonly blow: string
  /** who is hit, by the number of the peer */
  readonly victim: number
  readonly scenario: Scenario
}

/** Each moment of each peer, and each blow, for one strategy. */
export function matrix(strategy: string): MatrixCase[] {
  const setting = settingOf(strategy)
  const cases = MOMENTS.flatMap((moment) =>
    Object.keys(BLOWS).flatMap((blow) =>
      scenarios(moment, BLOWS[blow], setting).map((scenario) => ({
        moment,
        blow,
        victim: victimOf(scenario.faults),
        scenario: { ...BASE, strategy, ...manifestOf(strategy), ...scenario }
      }))
    )
  )
  return cases.map((each, index) => ({ index, ...each }))
}

type Part = Pick<Scenario, 'faults'> & Partial<Scenario>

/** One for each victim. */
function scenarios(moment: Moment, hit: (peer: number, when: When) => Fault, { round, comes }: Setting): Part[] {
  const when = { moment, round }
  switch (moment) {
    // a later ballot needs a reason: the coordinator is gone, or somebody whose contribution it has counted on
    case 'while-handing-over':
      return ranks(5).map((victim) => ({
        peers: 5,
        faults: [
          victim === 0
            ? { kind: 'kill', peer: 1, when: { moment: 'while-announcing', round } }
            : { kind: 'kill', peer: 0, when: { moment: 'before-announcing', round } },
          hit(victim, when)
        ]
      }))
    case 'while-giving-state':
      return ranks(4).map((victim) => ({ newcomers: [comes], faults: [hit(victim, { moment, round: 0 })] }))
    case 'while-taking-state':
      return [{ newcomers: [comes], faults: [hit(4, { moment, round: 0 })] }]
    default:
      return ranks(4).map((victim) => ({ faults: [hit(victim, when)] }))
  }
}

function settingOf(strategy: string): Setting {
  return strategy === LETS_GO ? LETTING_GO : USUAL
}

/** Who the last of the faults hits. */
function victimOf(faults: readonly Fault[]): number {
  const last = faults.at(-1)
  return last !== undefined && 'peer' in last ? last.peer : 0
}

function ranks(peers: number): number[] {
  return Array.from({ length: peers }, (_, rank) => rank)
}
