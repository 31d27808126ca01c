import type { RoundServices } from './round-services.js'

/** m among the own vectors: floats of the parameters alone. */
const MOMENTUM = 'worker-momentum'

/**
 * Worker momentum (Karimireddy, He and Jaggi, "Learning from History for Byzantine Robust Optimization", ICML 2021,
 * algorithm 2): what a peer gives in the place of its gradient g is, with the run's β,
 *
 *     m ← β·m + (1 − β)·g
 *
 * and m = 0 before its first contribution. Honest contributions come closer to each other, so that a rule can tell
 * hostile ones apart. Buffers stay as they are. Returns the key of [m, buffers] for the vector [g, buffers] under `key`.
 */
export async function withMomentum(
  key: string,
  { store, own, engine, manifest }: Pick<RoundServices, 'store' | 'own' | 'engine' | 'manifest'>
): Promise<string> {
  const { parameters, buffers } = engine.layout
  const beta = manifest.workerMomentum
  if (beta === 0) return key
  const part = (name: string, offset: number, length: number) =>
    store.slice({ from: key, offset, length, to: `${key}:${name}` })
  const gradient = buffers === 0 ? key : `${key}:gradient`
  if (buffers > 0) await part('gradient', 0, parameters)
  const before = own.key(MOMENTUM)
  const history = before === undefined ? [] : [{ key: before, factor: beta }]
  const momentum = `${key}:momentum`
  await store.combine({ terms: [...history, { key: gradient, factor: 1 - beta }], to: momentum })
  await own.keep(MOMENTUM, momentum)
  if (buffers === 0) return momentum
  await part('buffers', parameters, buffers)
  await store.join({ from: [momentum, `${key}:buffers`], to: `${key}:with-momentum` })
  return `${key}:with-momentum`
}
