import { PeergradError, systemClock, type Engine, type ErrorCode, type GradientStore } from '@peergrad/core'
import { describe, expect, it } from 'vitest'
import { Model } from '../src/runtime/model.js'
import { isOwnFault } from '../src/runtime/own-fault.js'
import { phasePlaces } from '../src/runtime/phase-places.js'
import { takeState, type TakeStateInit } from '../src/runtime/state-sync.js'
import type { VectorExchange } from '../src/runtime/vectors.js'

describe('an own fault', () => {
  it.each<ErrorCode>(['full', 'crashed', 'internal', 'refused', 'corrupt', 'unsupported'])('is what is %s', (code) => {
    expect(isOwnFault(new PeergradError(code, 'store: no'))).toBe(true)
  })

  it.each<ErrorCode>(['refused', 'corrupt', 'unreachable'])('is not what is %s because of others', (code) => {
    expect(isOwnFault(new PeergradError(code, 'no', { peers: ['a'] }))).toBe(false)
  })
})

describe('where a phase runs', () => {
  const server = { denseInStore: true, rules: ['mean', 'median'], durable: true } as const

  it('is the database for rules that it has, and the peer for others', () => {
    expect(phasePlaces(server, {}, { name: 'mean' }).aggregate).toBe('database')
    expect(phasePlaces(server, {}, undefined).aggregate).toBe('peer')
  })

  it('is the peer where the strategy combines by itself, unless the database lies in the peer', () => {
    expect(phasePlaces(server, { combines: true }, { name: 'mean' }).aggregate).toBe('peer')
    expect(phasePlaces({ ...server, rules: 'any' }, { combines: true }, { name: 'mean' }).aggregate).toBe('database')
  })
})

describe('the model of a peer', () => {
  function model() {
    const steps: number[] = []
    const withdrawn: string[] = []
    const store = {
      applyUpdate: async ({ step }: { step: number }) => void steps.push(step),
      digest: async () => 'state',
      get: async () => ({}),
      put: async () => {},
      keys: async () => [],
      delete: async () => {}
    } as unknown as GradientStore
    const vectors = {
      offer: async () => '',
      retire: () => {},
      withdraw: (digest: string) => void withdrawn.push(digest)
    } as unknown as VectorExchange
    const engine = { layout: { parameters: 1 } } as Engine
    const optimiser = { name: 'sgd', learningRate: 1 } as const
    const init = { store, engine, vectors, optimiser, learningRate: () => 1, stepsPerRound: 1, ownModels: false }
    return { model: new Model(init), steps, withdrawn }
  }
  const outcome = (digest: string) => ({ key: digest, digest, shared: true })

  it('counts steps, and none in a round that only changed the view', async () => {
    const { model: it, steps } = model()
    await it.update(outcome('a'), 3)
    await it.update({ ...outcome('b'), shared: false }, 0)
    await it.update(outcome('c'), 3)
    expect(steps).toEqual([1, 2])
    expect([it.round, it.step]).toEqual([3, 2])
  })

  it('goes on offering an outcome that a later round has too', async () => {
    const { model: it, withdrawn } = model()
    for (let round = 0; round < 8; round++) {
      await it.update(outcome(round < 5 ? 'nothing' : `something ${round}`), 2)
      await it.forget(Infinity)
      if (round === 4) expect(withdrawn).toEqual([])
    }
    expect(withdrawn).toContain('nothing')
  })
})

it('who gave a state that was given up is asked last, and is asked', async () => {
  const asked: string[] = []
  const ask = async (peer: string) => {
    asked.push(peer)
    throw new PeergradError('missing', 'no state here')
  }
  const swarm = { ready: ['donor', 'newcomer'], run: 'r', ask }
  const signal = new AbortController().signal
  const init = { swarm, clock: systemClock(), distrusted: new Set(['donor']), patience: 600, signal }
  await expect(takeState(init as unknown as TakeStateInit)).rejects.toMatchObject({ code: 'unreachable' })
  expect(asked[0]).toBe('newcomer')
  expect(asked).toContain('donor')
})
