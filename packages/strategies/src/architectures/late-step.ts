import type { RoundContext } from '@peergrad/core'
import { averagedGradients, type Given } from './averaged-gradients.js'
import { localStep } from './local-steps.js'

/**
 * One optimiser step of this peer by itself, whose gradient may have begun in an earlier round: then it is of the model as it
 * was, and steps the model as it is now. When `enough` comes first, the model is given as it is, with no samples, and the
 * gradient counts in a later round.
 */
export async function lateStep(context: RoundContext, enough: Promise<void>): Promise<Given> {
  const given = await context.lasting((begun) => averagedGradients(begun), enough)
  if (given === undefined) return { key: context.state, loss: 0, samples: 0 }
  return { ...given, key: await localStep(context, given.key) }
}
