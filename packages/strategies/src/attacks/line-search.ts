import { PeergradError, type CraftInput, type Floats, type Line } from '@peergrad/core'
import { integerOption, numberOption, type PluginOptions } from '../plugin-options.js'
import { along } from './moments.js'

/** How the best factor of an attack is looked for. */
export interface Search {
  readonly evals: number
  readonly start: number
  readonly delta: number
  readonly ratio: number
  /** taken when it is as good as the best that was found */
  readonly prefer?: number
}

/** Options that `searchOf` reads. */
export const SEARCH = ['evals', 'start', 'delta', 'ratio', 'prefer'] as const

/**
 * @param options evals: of the rule, in each round (20); start: first factor (0); delta: first step (10); ratio: by which
 *   steps shrink once a longer one is no better (0.8), ByzFL's defaults; prefer: a factor that is taken when what was found is
 *   no better but by rounding, to be held against another library where a rule clips all that is far out alike
 */
export function searchOf(plugin: string, options: PluginOptions): Search {
  return {
    evals: integerOption(plugin, options, 'evals', { fallback: 20, min: 1, max: 1000 }),
    start: numberOption(plugin, options, 'start', { fallback: 0, min: 0 }),
    delta: numberOption(plugin, options, 'delta', { fallback: 10, above: 0 }),
    ratio: numberOption(plugin, options, 'ratio', { fallback: 0.8, min: 0.5, below: 1 }),
    ...('prefer' in options && { prefer: numberOption(plugin, options, 'prefer', { fallback: 0, min: 0 }) })
  }
}

/**
 * What a rule makes of candidates that it clips or leaves out alike differs by this much, by `defence` and by `reach`: no reason
 * to go further.
 */
const ROUNDING = { defence: 1 + 1e-12, reach: 1 + 1e-6 }

/**
 * out ← the candidate of the line, with a factor ≥ 0, for which the rule's result is furthest from `mean`. Best effort, the
 * search of ByzFL, which unlike AggregaThor's never looks below the best: steps up from it double while they help, and
 * then shrink. It goes by `reach` where there is one; what is crafted has the same bits for the same factor either way. Error `missing` without a
 * defence.
 */
export async function maximise(
  plugin: string,
  { evals, start, delta, ratio, prefer }: Search,
  input: Pick<CraftInput, 'defence' | 'reach' | 'out'>,
  mean: Float64Array,
  line: Line
): Promise<void> {
  const { distance, rounding } = measured(plugin, input, mean, line)
  let best = { factor: start, distance: await distance(start) }
  const improves = async (factor: number) => {
    const found = { factor, distance: await distance(factor) }
    const better = found.distance > best.distance * rounding
    if (better) best = found
    return better
  }
  let step = delta
  let grows = true
  for (let left = evals - 1; left > 0; left--) {
    const better = await improves(best.factor + step)
    grows &&= better
    step *= grows ? 2 : ratio
  }
  if (prefer !== undefined && (await distance(prefer)) * rounding >= best.distance) best = { ...best, factor: prefer }
  along(line, best.factor, input.out)
}

/** How far the rule's result is from the mean, by the factor, and by how much that may be wrong. */
function measured(
  plugin: string,
  { defence, reach, out }: Pick<CraftInput, 'defence' | 'reach' | 'out'>,
  mean: Float64Array,
  line: Line
): { readonly distance: (factor: number) => Promise<number>; readonly rounding: number } {
  if (reach !== undefined) return { distance: reach(line), rounding: ROUNDING.reach }
  if (defence === undefined) {
    throw new PeergradError('missing', `${plugin}: got no defence, expected the rule that is attacked`)
  }
  const distance = async (factor: number) => {
    along(line, factor, out)
    return distanceOf(await defence(out), mean)
  }
  return { distance, rounding: ROUNDING.defence }
}

function distanceOf(a: Floats, b: Floats): number {
  let squares = 0
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) ** 2
  return Math.sqrt(squares)
}
