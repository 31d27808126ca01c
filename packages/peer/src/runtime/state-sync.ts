import {
  optimiserState,
  PeergradError,
  type ControlAnswer,
  type Digest,
  type GradientStore,
  type OptimiserSpec,
  type PeerId
} from '@peergrad/core'
import type { Swarm } from '../membership/swarm.js'
import type { VectorExchange } from './vectors.js'

export type Donation = Extract<ControlAnswer, { kind: 'donation' }>

const ASK_DEADLINE = 10_000

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
        return { digest: await vectors.offer(key, position.round), length: lease.vector.length }
      } finally {
        lease.release()
      }
    })
  )
  return { kind: 'donation', ...position, vectors: offered }
}

/** Takes the state of the run from the first peer that gives one, each vector checked against its digest. */
export async function takeState(init: {
  swarm: Swarm
  vectors: VectorExchange
  optimiser: OptimiserSpec
  /** floats of parameters and buffers */
  length: number
  signal: AbortSignal
}): Promise<Donation> {
  const failures: string[] = []
  for (const donor of init.swarm.ready) {
    try {
      const request = { kind: 'donate', run: init.swarm.run } as const
      const donation = await init.swarm.ask(donor, request, { deadline: ASK_DEADLINE, signal: init.signal })
      if (donation.kind !== 'donation')
        throw new PeergradError('corrupt', `donate: got ${donation.kind}, expected donation`)
      await takeVectors(donation, donor, init)
      return donation
    } catch (thrown) {
      init.signal.throwIfAborted()
      failures.push(`${donor}: ${PeergradError.from(thrown).message}`)
    }
  }
  throw new PeergradError(
    'unreachable',
    `nobody gave the state of the run: ${failures.join('; ') || 'no peer is connected'}`
  )
}

async function takeVectors(
  donation: Donation,
  donor: PeerId,
  init: { vectors: VectorExchange; optimiser: OptimiserSpec; length: number; signal: AbortSignal }
): Promise<void> {
  const keys = stateKeys(donation.round, init.optimiser)
  if (donation.vectors.length !== keys.length || donation.vectors[0].length !== init.length) {
    throw new PeergradError(
      'shape',
      `got a state of ${donation.vectors.length} vectors, expected ${keys.length} of this model`
    )
  }
  await Promise.all(
    donation.vectors.map(({ digest, length }: { digest: Digest; length: number }, index: number) =>
      init.vectors.pull({ digest, length, key: keys[index], from: [donor], signal: init.signal })
    )
  )
}
