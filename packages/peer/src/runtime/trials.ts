import {
  PeergradError,
  random,
  type ContributionManifest,
  type OptimiserSpec,
  type TrialRequest,
  type Trials
} from '@peergrad/core'
import { roundKey, type ExchangeInit, type RoundServices } from './round-services.js'

export interface TrialsInit {
  readonly services: RoundServices
  readonly init: ExchangeInit
  readonly request: TrialRequest
  /** contributions in the own store, and what their senders say of them */
  readonly keys: readonly string[]
  readonly manifests: readonly ContributionManifest[]
  /** begins the store keys of the states that are tried, unlike that of any other call */
  readonly name: string
  readonly signal: AbortSignal
}

/**
 * A step along each contribution alone, measured by this peer's engine. Every peer measures for itself, and no loss travels:
 * what a majority of peers make of their losses is agreed on by the digest of the aggregate, like that of any rule. So
 * whoever lies about a loss, the coordinator included, makes another aggregate than the others, and takes theirs.
 *
 * The validation batch is drawn, with replacement, from all training samples by the run's seed, the round and the digests
 * of the contributions: nobody knows it before all have said what they give. Who does so last can try until it suits.
 */
export async function measureTrials({
  services,
  init,
  request,
  keys,
  manifests,
  name,
  signal
}: TrialsInit): Promise<Trials> {
  const { engine, store, manifest, strategy } = services
  const { round, state, steps } = init
  const stepSize = strategy.outer?.learningRate ?? init.learningRate(steps + 1)
  const optimiser: OptimiserSpec = { name: 'sgd', learningRate: stepSize }
  const { parameters } = engine.layout
  const digests = manifests.map(({ digest }) => digest)
  const source = random(manifest.seed, 'validation', round, ...digests)
  const training = init.training()
  const samples = Uint32Array.from({ length: request.samples }, () => training[source.below(training.length)])

  async function lossAfter(gradient: string, to: string): Promise<number> {
    try {
      await store.applyUpdate({ from: state, to, gradient, optimiser, parameters, step: 1, learningRate: stepSize })
      const lease = await store.get(to)
      try {
        const { loss } = await engine.evaluate({ state: lease.vector, split: 'train', samples, signal })
        return Number.isFinite(loss) ? loss : Infinity
      } finally {
        lease.release()
      }
    } catch (thrown) {
      // finite, and so large that the step is not
      if (PeergradError.from(thrown).code === 'non-finite') return Infinity
      throw thrown
    } finally {
      await store.delete([to])
    }
  }

  const losses = Array<number>(keys.length)
  const untried = keys.entries()
  const worker = async (): Promise<void> => {
    for (const [index, key] of untried) losses[index] = await lossAfter(key, roundKey(round, `${name}:${index}`))
  }
  await Promise.all(Array.from({ length: engine.workers }, worker))
  return { stepSize, losses }
}
