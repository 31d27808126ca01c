import {
  optimiserState,
  PeergradError,
  type Clock,
  type ControlAnswer,
  type Evidence,
  type GradientStore,
  type OptimiserSpec,
  type PeerId,
  type Verdict
} from '@peergrad/core'
import { checkAborted, deferred, pause } from '../deferred.js'
import { isObjection } from '../membership/known-run.js'
import { sameLineage } from '../membership/lineage.js'
import type { Swarm } from '../membership/swarm.js'
import { download } from './download.js'
import { isOwnFault } from './own-fault.js'
import type { VectorExchange } from './vectors.js'

export type Donation = Extract<ControlAnswer, { kind: 'donation' }>

const ASK_DEADLINE = 5000
/** Milliseconds that the other donors have to answer once most have, and once one has: one alone may be first because it lies. */
const TOGETHER = 50
const MOST = 1000
/** Donors of one state: so many peers are asked at once. */
const DONORS = 8
/** Milliseconds for one part of a vector. */
const PART_DEADLINE = 60_000
/** Milliseconds between two rounds of asking. */
const RETRY = 250

/** Store keys of a model state: parameters and buffers, then the optimiser's vectors. */
export function stateKeys(round: number, optimiser: OptimiserSpec): string[] {
  const key = stateKey(round)
  return [key, ...Array.from({ length: optimiserState(optimiser) }, (_, index) => `${key}:state:${index}`)]
}

/** The model state that a round starts from. */
export function stateKey(round: number): string {
  return `state:${round}`
}

/** Offers the own state to a peer that has none, or an old one, until `release` is called. */
export async function donate(
  vectors: VectorExchange,
  store: GradientStore,
  optimiser: OptimiserSpec,
  position: Omit<Donation, 'kind' | 'vectors'>
): Promise<{ donation: Donation; release: () => void }> {
  const results = await Promise.allSettled(
    stateKeys(position.round, optimiser).map(async (key) => {
      const length = await store.length(key)
      return { ...(await vectors.hold(key)), length }
    })
  )
  const held = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const release = () => held.forEach((hold) => hold.release())
  const failed = results.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    release()
    throw PeergradError.from(failed.reason)
  }
  const offered = held.map(({ digest, length }) => ({ digest, length }))
  return { donation: { kind: 'donation', ...position, vectors: offered }, release }
}

export interface TakeStateInit<T> {
  readonly swarm: Swarm
  readonly vectors: VectorExchange
  readonly store: GradientStore
  readonly clock: Clock
  readonly optimiser: OptimiserSpec
  /** floats of parameters and buffers */
  readonly length: number
  /** floats of each of the optimiser's vectors */
  readonly parameters: number
  /** every peer has a model of its own: what a state is called is not its digest */
  readonly ownModels: boolean
  /** called with an offer before its vectors come: the own state is no good any more. One that it rejects is not taken */
  readonly prepare: (offer: Offer) => Promise<T>
  /** takes in who is excluded from the run; false when that is not proved */
  readonly convinces: (proofs: readonly Evidence[]) => boolean
  /** who gave a state that was wrong: asked last */
  readonly distrusted: ReadonlySet<PeerId>
  /** who says in beats that it was in the state of a donation */
  readonly witnesses: (donation: Donation) => readonly PeerId[]
  /** these offered what cannot be the state of the run */
  readonly onLie: (donors: readonly PeerId[]) => void
  readonly patience: number
  readonly signal: AbortSignal
}

type Asking = Omit<TakeStateInit<unknown>, 'prepare'>

interface Offer {
  readonly donors: readonly PeerId[]
  readonly donation: Donation
}

interface Taken<T> extends Offer {
  /** what `prepare` made of it */
  readonly prepared: T
}

/**
 * Takes the state of the run from all peers that offer the same one, each vector checked against its digest. Peers
 * that cannot give it at the moment are asked again until `patience` milliseconds are over: then `unreachable`. Error
 * `refused` when all say that this one may not take part.
 */
export async function takeState<T>(init: TakeStateInit<T>): Promise<Taken<T>> {
  const end = init.clock.now() + init.patience
  const objections = new Map<PeerId, PeergradError>()
  for (let turn = 0; ; turn++) {
    const failures: string[] = []
    const offers = await askSome(init, turn, failures, objections)
    checkAborted(init.signal)
    for (const offer of offers) {
      const { donors, donation } = offer
      try {
        const prepared = await init.prepare(offer)
        await takeVectors(donation, donors, init)
        return { ...offer, prepared }
      } catch (thrown) {
        checkAborted(init.signal)
        const error = PeergradError.from(thrown)
        if (isOwnFault(error)) throw error
        if (error.code === 'corrupt') init.onLie(donors)
        failures.push(error.message)
      }
    }
    if (init.clock.now() > end) {
      const reasons = failures.join('; ') || 'no peer is connected'
      throw new PeergradError('unreachable', `nobody gave the state of the run: ${reasons}`)
    }
    await pause(init.clock, RETRY, init.signal)
  }
}

/**
 * What some of the peers offer, the state that most are in or were in first. Others are asked at each turn: those of one
 * may all be without a state, as this peer is.
 */
async function askSome(
  init: Asking,
  turn: number,
  failures: string[],
  objections: Map<PeerId, PeergradError>
): Promise<readonly Offer[]> {
  const { swarm, clock, distrusted, witnesses, signal } = init
  const trusted = swarm.ready.filter((peer) => !distrusted.has(peer))
  // once all of those were asked: they may be without a state too
  const all = [...trusted, ...swarm.ready.filter((peer) => distrusted.has(peer))]
  const peers = trusted.length > turn * DONORS ? trusted : all
  const first = (turn * DONORS) % Math.max(1, peers.length)
  const asked = [...peers.slice(first), ...peers.slice(0, first)].slice(0, DONORS)
  const offers = new Map<string, Offer & { readonly donors: PeerId[] }>()
  const enough = deferred<void>()
  let answers = 0
  const ask = async (donor: PeerId): Promise<void> => {
    try {
      const donation = await swarm.ask(donor, { kind: 'donate', run: swarm.run }, { deadline: ASK_DEADLINE, signal })
      if (donation.kind !== 'donation') {
        throw new PeergradError('corrupt', `donate: got ${donation.kind}, expected donation`)
      }
      if (!sameLineage(donation.lineage, swarm.lineage)) {
        throw new PeergradError('conflict', 'got the state of another founding of the run, expected that of ours')
      }
      checkShape(donation, init)
      const { evidence, guests, ...state } = donation
      if (!init.convinces(evidence)) {
        throw new PeergradError(
          'corrupt',
          'donate: got an exclusion without proof, expected none, or two signed messages'
        )
      }
      swarm.told(guests)
      const key = JSON.stringify(state)
      const offer = offers.get(key) ?? { donors: [], donation }
      offers.set(key, offer)
      offer.donors.push(donor)
      objections.delete(donor)
      if (offers.size === 1) clock.after(MOST, enough.resolve)
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      failures.push(`${donor}: ${error.message}`)
      if (isObjection(error)) objections.set(donor, error)
      else objections.delete(donor)
    }
    answers += 1
    if (answers > asked.length / 2 && offers.size > 0) clock.after(TOGETHER, enough.resolve)
  }
  await Promise.race([enough.promise, Promise.all(asked.map(ask))])
  // what a few say, who may lie, is not what all say
  const objection = objections.get(asked[0] ?? '')
  if (objection !== undefined && [...asked, ...swarm.ready].every((peer) => objections.has(peer))) throw objection
  const said = ({ donors, donation }: Offer) => new Set([...donors, ...witnesses(donation)]).size
  return [...offers.values()].sort((a, b) => said(b) - said(a) || b.donation.round - a.donation.round)
}

function checkShape(donation: Donation, { optimiser, length, parameters, ownModels }: Asking): void {
  const { digest } = donation.vectors[0]
  if (!ownModels && donation.hash !== digest) {
    throw new PeergradError(
      'corrupt',
      `donate: got the state ${donation.hash} with the model ${digest}, expected one digest`
    )
  }
  const expected = stateKeys(donation.round, optimiser).length
  const fits = donation.vectors.every((vector, index) => vector.length === (index === 0 ? length : parameters))
  if (donation.vectors.length === expected && fits) return
  throw new PeergradError(
    'shape',
    `got a state of ${donation.vectors.length} vectors, expected ${expected} of this model`
  )
}

async function takeVectors(donation: Donation, donors: readonly PeerId[], init: Asking): Promise<void> {
  const { swarm, store, clock, vectors, signal } = init
  const keys = stateKeys(donation.round, init.optimiser)
  const request = { mesh: swarm.mesh, store, clock, donors, deadline: PART_DEADLINE, signal }
  const leases = await download({ ...request, vectors: donation.vectors })
  try {
    for (const [index, { digest, length }] of donation.vectors.entries()) {
      const key = keys[index]
      await store.put(key, leases[index])
      const verdict = await store.verify(key)
      if (verdict.digest === digest) {
        checkFinite(verdict, index, donors)
        continue
      }
      // one of them sent other bytes: whole from one after the other, it shows who
      await store.delete([key])
      await vectors.pull({ digest, length, key, from: donors, signal })
    }
  } finally {
    for (const lease of leases) lease.release()
  }
}

/** All donors named the digest of these numbers. */
function checkFinite({ firstNonFinite }: Verdict, index: number, donors: readonly PeerId[]): void {
  if (firstNonFinite < 0) return
  throw new PeergradError(
    'corrupt',
    `donate: got vector ${index} with a value that is not finite at index ${firstNonFinite}, expected numbers`,
    { peers: donors }
  )
}
