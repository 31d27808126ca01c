import { PeergradError } from '@peergrad/core'
import { between, minority } from '../declared.js'
import { choiceOption, type PluginOptions } from '../plugin-options.js'
import { ascending } from './nearest.js'

/** What five libraries read differently in Blanchard et al. (NeurIPS 2017): options `neighbours` and `power`. */
export interface KrumReading {
  /** how many others a score looks at: n − f − 2 in the paper, n − f − 1 in ByzFL */
  readonly neighbours: 'n-f-2' | 'n-f-1'
  /** of the distance: 2 in the paper */
  readonly power: 1 | 2 | 4
}

export const KRUM_OPTIONS = ['neighbours', 'power'] as const

export function krumReading(plugin: string, options: PluginOptions): KrumReading {
  const neighbours = choiceOption(plugin, options, 'neighbours', ['n-f-2', 'n-f-1'])
  const power = options['power'] ?? 2
  if (power === 1 || power === 2 || power === 4) return { neighbours, power }
  throw new PeergradError('argument', `${plugin}.power: got ${JSON.stringify(power)}, expected 1, 2 or 4`)
}

/** Whether it is the one that databases know. */
export function isBlanchards({ neighbours, power }: KrumReading): boolean {
  return neighbours === 'n-f-2' && power === 2
}

/**
 * More than 2f + 2 inputs, as the paper proves, or more than 2f and one with a neighbour more: two that lie alike are each
 * other's nearest, so f must be too few to be all that a score looks at.
 */
export function scorable(n: number, f: number, { neighbours }: KrumReading): string | undefined {
  if (neighbours === 'n-f-1') return minority(n, f) ?? between(n, f + 2, Infinity, `f = ${f}: expected more than f + 1`)
  return between(n, 2 * f + 3, Infinity, `f = ${f}: expected more than 2f + 2`)
}

/**
 * The score of each of the members: the sum, ascending, of its distances, raised to the power, to the nearest others.
 * @param distances squared, of n rows
 */
export function krumScores(
  distances: Float64Array,
  n: number,
  members: readonly number[],
  { f, neighbours, power }: KrumReading & { f: number }
): number[] {
  const looked = Math.max(1, members.length - f - (neighbours === 'n-f-2' ? 2 : 1))
  return members.map((i) =>
    members
      .filter((j) => j !== i)
      .map((j) => raised(distances[i * n + j], power))
      .sort((a, b) => a - b)
      .slice(0, looked)
      .reduce((sum, each) => sum + each, 0)
  )
}

/** The `count` members of the lowest scores, of equals those first in the list, in index order. */
export function lowest(members: readonly number[], scores: readonly number[], count: number): number[] {
  return ascending(scores)
    .slice(0, count)
    .map((k) => members[k])
    .sort((a, b) => a - b)
}

function raised(square: number, power: KrumReading['power']): number {
  if (power === 2) return square
  return power === 1 ? Math.sqrt(square) : square * square
}
