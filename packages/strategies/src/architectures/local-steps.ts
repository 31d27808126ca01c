import { layoutLength, optimiserState, type RoundContext } from '@peergrad/core'
import { averagedGradients, mean, type Given } from './averaged-gradients.js'

/** Name of the own vector of one float that says how many steps the moments beside it are of. */
const MADE = 'optimiser.steps'

/**
 * So many optimiser steps of this peer by itself, from the state of the round. Gives the model Θ_k, or Θ − Θ_k, how far it
 * came, as a gradient would point; in both the buffers as they are now. The state of the optimiser stays here for the next
 * round; it is zeros for one who comes anew.
 */
export async function localSteps(
  context: RoundContext,
  steps: number,
  what: 'distance' | 'model' = 'distance'
): Promise<Given> {
  const each = context.minibatches.length / steps
  const results: Given[] = []
  const made = await stepsMade(context)
  let at = await start(context)
  for (let step = 0; step < steps; step++) {
    const minibatches = context.minibatches.slice(step * each, (step + 1) * each)
    const given = await averagedGradients(context, { minibatches, state: at, name: `step:${step}` })
    results.push(given)
    at = await stepFrom(context, at, { gradient: given.key, step: step + 1, made })
  }
  await keepOptimiser(context, at, made + steps)
  return { key: what === 'model' ? at : await distance(context, at), ...mean(results) }
}

/** One step from the state of the round with this gradient, which may be of another state. Returns the key of the model. */
export async function localStep(context: RoundContext, gradient: string): Promise<string> {
  const made = await stepsMade(context)
  const to = await stepFrom(context, await start(context), { gradient, step: 1, made })
  await keepOptimiser(context, to, made + 1)
  return to
}

/** `step` counts from 1 in each round, `made` those of the own optimiser before it. */
async function stepFrom(
  context: RoundContext,
  from: string,
  { gradient, step, made }: { gradient: string; step: number; made: number }
): Promise<string> {
  const { store, engine, optimiser } = context
  const { parameters } = engine.layout
  const to = context.key(`local:${step}`)
  const learningRate = context.learningRate(context.steps + step)
  await context.measure('update', async () => {
    await store.applyUpdate({ from, to, gradient, optimiser, parameters, step: made + step, learningRate })
    await store.delete([gradient, ...withState(context, from)])
  })
  return to
}

async function keepOptimiser(context: RoundContext, at: string, made: number): Promise<void> {
  const states = withState(context, at).slice(1)
  if (states.length === 0) return
  for (const [index, key] of states.entries()) await context.keep(`optimiser.${index}`, key)
  const count = context.store.lease(1)
  count.vector[0] = made
  await context.store.put(context.key(MADE), count)
  await context.keep(MADE, context.key(MADE))
}

/** Of the own optimiser, which begins anew with a peer that comes or comes back: the run's may be more. */
async function stepsMade({ own, store }: RoundContext): Promise<number> {
  const key = own(MADE)
  if (key === undefined) return 0
  const lease = await store.get(key)
  const [made] = lease.vector
  lease.release()
  return made
}

/** A copy of the round's state, with the state of this peer's own optimiser beside it. */
async function start(context: RoundContext): Promise<string> {
  const { store, engine } = context
  const key = context.key('local:0')
  return context.measure('store', async () => {
    await store.put(key, await store.get(context.state))
    for (const [index, name] of withState(context, key).slice(1).entries()) {
      const own = context.own(`optimiser.${index}`)
      const state = own === undefined ? store.lease(engine.layout.parameters) : await store.get(own)
      if (own === undefined) state.vector.fill(0)
      await store.put(name, state)
    }
    return key
  })
}

async function distance(context: RoundContext, at: string): Promise<string> {
  const { store, state, engine } = context
  const { parameters, buffers } = engine.layout
  const key = context.key('distance')
  const terms = [
    { key: state, factor: 1 },
    { key: at, factor: -1 }
  ]
  return context.measure('average', async () => {
    await store.combine({ terms, to: key })
    if (buffers === 0) return key
    const parts = [context.key('distance:parameters'), context.key('distance:buffers')]
    await store.slice({ from: key, offset: 0, length: parameters, to: parts[0] })
    await store.slice({ from: at, offset: parameters, length: layoutLength(engine.layout) - parameters, to: parts[1] })
    await store.join({ from: parts, to: context.key('contribution') })
    return context.key('contribution')
  })
}

function withState({ optimiser }: RoundContext, key: string): string[] {
  return [key, ...Array.from({ length: optimiserState(optimiser) }, (_, index) => `${key}:state:${index}`)]
}
