import { PeergradError, replace, shown, type Aggregator, type Floats } from '@peergrad/core'
import { positiveOf, type Document } from '../by-hand/document.js'

/** The loss that the examples of Zeno's code name, as they write it. */
const LOSS = '0.5*||x||^2'
const PENALTY = 'mean of squares'

/** What the examples of Zeno's code judge by: the loss ½‖x‖² after a step of length `lr` from `x`. */
export interface ZenoExample {
  /** undefined where the document brings losses of its own */
  readonly x: readonly number[] | undefined
  readonly lr: number
}

/** The example among the parameters of `Zeno`, and the others. Error `argument` for one that is none, and beside `losses`. */
export function exampleOf(params: Document, losses: unknown): ZenoExample & { readonly others: Document } {
  const stray = ['x', 'loss', 'lr', 'penalty'].find((word) => (params[word] ?? null) !== null)
  if (stray !== undefined && (losses ?? null) !== null) {
    const message = `params.${stray}: got ${shown(params[stray])} beside losses, which say all that it is for; leave one of them out`
    throw new PeergradError('argument', message)
  }
  const { x, loss, lr, penalty, ...others } = params
  return { ...checked({ x: x ?? undefined, loss: loss ?? LOSS, lr, penalty: penalty ?? PENALTY }), others }
}

function checked({ x, loss, lr, penalty }: Document): ZenoExample {
  if (loss !== LOSS) {
    const message = `params.loss: got ${shown(loss)}, expected "${LOSS}"; values of another one go into losses`
    throw new PeergradError('argument', message)
  }
  if (penalty !== PENALTY) {
    throw new PeergradError('argument', `params.penalty: got ${shown(penalty)}, expected "${PENALTY}"`)
  }
  if (x !== undefined && !(Array.isArray(x) && x.every(Number.isFinite))) {
    throw new PeergradError('argument', `params.x: got ${shown(x)}, expected a list of finite numbers`)
  }
  return { x: x as number[] | undefined, lr: positiveOf({ 'params.lr': lr }, 'params.lr', 0.1) }
}

/** The rule with the example's losses. */
export function judgingBy({ x, lr }: ZenoExample, rule: Aggregator): Aggregator {
  if (x === undefined) return rule
  const lossAfter = (step: Floats) => x.reduce((sum, value, i) => sum + (value - lr * step[i]) ** 2 / 2, 0)
  return replace(rule, {
    aggregate(input) {
      if (x.length !== input.out.length) {
        const message = `params.x: got ${x.length} numbers for vectors of ${input.out.length}, expected as many`
        throw new PeergradError('shape', message)
      }
      rule.aggregate({ ...input, trials: { losses: input.vectors.map(lossAfter), stepSize: lr } })
    }
  })
}
