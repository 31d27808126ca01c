import {
  optimiserState,
  PeergradError,
  type Clock,
  type ControlAnswer,
  type Digest,
  type GradientStore,
  type OptimiserSpec,
  type PeerId
} from '@peergrad/core'
import { checkAborted, deferred, orAborted } from '../deferred.js'
import type { Swarm } from '../membership/swarm.js'
import { RETENTION } from './exchange.js'
import type { VectorExchange } from './vectors.js'

export type Donation = Extract<ControlAnswer, { kind: 'donation' }>

const ASK_DEADLINE = 10_000
/** Milliseconds between two rounds of asking. */
const RETRY = 500

/** Store keys of a model state: parameters and buffers, then the optimiser's vectors. */
export function stateKeys(round: number, optimiser: OptimiserSpec): string[] {
  const key = stateKey(round)
  return [key, ...Array.from({ length: optimiserState(optimiser) }, (_, index) => `${key}:state:${index}`)]
}

/** The model state that a round starts from. */
export function stateKey(round: number): string {
  return `state:${round}`
}

/** Offers the own state to a peer that has none, or an old one. */
export async function donate(
  vectors: VectorExchange,
  store: GradientStore,
  optimiser: OptimiserSpec,
  position: Omit<Donation, 'kind' | 'vectors'>
): Promise<Donation> {
  const offered = await Promise.all(
    stateKeys(position.round, optimiser).map(async (key) => {
      const lease = await store.get(key)
      try {
        return { digest: await vectors.offer(key, position.round + RETENTION), length: lease.vector.length }
      } finally {
        lease.release()
      }
    })
  )
  return { kind: 'donation', ...position, vectors: offered }
}

/**
 * Takes the state of the run from the first peer that gives one, each vector checked against its digest. Peers that
 * cannot give it at the moment are asked again until `patience` milliseconds are over: then `unreachable`.
 */
export async function takeState(init: TakeStateInit): Promise<{ donor: PeerId; donation: Donation }> {
  const end = init.clock.now() + init.patience
  for (;;) {
    const failures: string[] = []
    const donors = [...init.swarm.ready].sort((a, b) => Number(init.distrusted.has(a)) - Number(init.distrusted.has(b)))
    for (const donor of donors) {
      try {
        const request = { kind: 'donate', run: init.swarm.run } as const
        const donation = await init.swarm.ask(donor, request, { deadline: ASK_DEADLINE, signal: init.signal })
        if (donation.kind !== 'donation') {
          throw new PeergradError('corrupt', `donate: got ${donation.kind}, expected donation`)
        }
        await takeVectors(donation, donor, init)
        return { donor, donation }
      } catch (thrown) {
        checkAborted(init.signal)
        failures.push(`${donor}: ${PeergradError.from(thrown).message}`)
      }
    }
    if (init.clock.now() > end) {
      const reasons = failures.join('; ') || 'no peer is connected'
      throw new PeergradError('unreachable', `nobody gave the state of the run: ${reasons}`)
    }
    const pause = deferred<void>()
    init.clock.after(RETRY, pause.resolve)
    await orAborted(pause.promise, init.signal)
  }
}

interface TakeStateInit {
  readonly swarm: Swarm
  readonly vectors: VectorExchange
  readonly clock: Clock
  readonly optimiser: OptimiserSpec
  /** floats of parameters and buffers */
  readonly length: number
  /** floats of each of the optimiser's vectors */
  readonly parameters: number
  /** called with a donation before its vectors come: the own state is no good any more */
  readonly prepare: () => Promise<void>
  /** who gave the last state, which was wrong: asked last */
  readonly distrusted: ReadonlySet<PeerId>
  readonly patience: number
  readonly signal: AbortSignal
}

async function takeVectors(donation: Donation, donor: PeerId, init: TakeStateInit): Promise<void> {
  const keys = stateKeys(donation.round, init.optimiser)
  const fits = donation.vectors.every(({ length }, index) => length === (index === 0 ? init.length : init.parameters))
  if (donation.vectors.length !== keys.length || !fits) {
    throw new PeergradError(
      'shape',
      `got a state of ${donation.vectors.length} vectors, expected ${keys.length} of this model`
    )
  }
  await init.prepare()
  await Promise.all(
    donation.vectors.map(({ digest, length }: { digest: Digest; length: number }, index: number) =>
      init.vectors.pull({ digest, length, key: keys[index], from: [donor], signal: init.signal })
    )
  )
}
