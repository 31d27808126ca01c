import { PeergradError, replace, shown, type Aggregator, type PluginReference } from '@peergrad/core'
import { countOf, type Document } from '../by-hand/document.js'
import type { Numbers } from '../by-hand/vectors.js'

/** Iterations that `centered-clipping` takes. */
const MOST = 1000

/** What ByzFL's `CenteredClipping` keeps from call to call, as parameters of a document say it. */
export interface ByzflState {
  /** times that the rule is given the same vectors, each time going on from its last result */
  readonly calls: number
  /** where it begins; at zero when left out */
  readonly m: readonly number[] | undefined
}

/** The state among the parameters of `CenteredClipping`, and the others. Error `argument` for one that is none. */
export function stateOf({ calls = 1, m = null, ...others }: Document): ByzflState & { readonly others: Document } {
  const times = countOf({ 'params.calls': calls }, 'params.calls', 1, 1)
  if (m !== null && !(Array.isArray(m) && m.every(Number.isFinite))) {
    throw new PeergradError('argument', `params.m: got ${shown(m)}, expected a list of finite numbers, or null`)
  }
  return { calls: times, m: m === null ? undefined : (m as number[]), others }
}

/** Another call is as many iterations more. Error `argument` for more than the rule takes. */
export function calling({ calls }: ByzflState, reference: PluginReference): PluginReference {
  const each = Number(reference.options['iterations'])
  if (calls === 1) return reference
  if (calls * each > MOST) {
    const message = `params.calls: got ${calls} of L = ${each}, expected ${MOST} iterations in all at most`
    throw new PeergradError('argument', message)
  }
  return { ...reference, options: { ...reference.options, iterations: calls * each } }
}

/** The rule with its origin at `m`: it begins at zero. */
export function beginningAt(
  { m }: ByzflState,
  rule: Aggregator,
  { kernels, allocate }: Pick<Numbers, 'kernels' | 'allocate'>
): Aggregator {
  if (m === undefined) return rule
  const origin = allocate(m.length)
  origin.set(m)
  return replace(rule, {
    aggregate(input) {
      const { vectors, out } = input
      if (m.length !== out.length) {
        const message = `params.m: got ${m.length} numbers for vectors of ${out.length}, expected as many`
        throw new PeergradError('shape', message)
      }
      const moved = vectors.map((vector) => {
        const copy = allocate(vector.length)
        kernels.copy(copy, vector)
        kernels.axpy(copy, -1, origin)
        return copy
      })
      rule.aggregate({ ...input, vectors: moved })
      kernels.axpy(out, 1, origin)
    }
  })
}
