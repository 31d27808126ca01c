import { createHash } from 'node:crypto'
import { createKernels, random, Team, type Kernels, type Vector } from '@peergrad/core'
import { describe, expect, it, vi } from 'vitest'
import { help } from '../src/kernels/team.js'
import { arena, simd } from './kernels-support.js'

/** Floats: enough for a call to be divided. */
const LENGTH = 250_003
const N = 6

const inputs = Array.from({ length: N }, (_, k) => {
  const noise = random(k, 'divided')
  const block = Float32Array.from({ length: 4099 }, () => noise.normal() * 10 ** (noise.below(9) - 4))
  const vector = arena.allocate(LENGTH)
  for (let i = 0; i < LENGTH; i += block.length) vector.set(block.subarray(0, LENGTH - i), i)
  return vector
})
const [out, other] = [arena.allocate(LENGTH), arena.allocate(LENGTH)]

type Work = (kernels: Kernels) => Float64Array | Vector[]

const WORK: Record<string, Work> = {
  mean: (k) => (k.mean(out, inputs), [out]),
  sum: (k) => (k.sum(out, inputs), [out]),
  weightedMean: (k) => (k.weightedMean(out, inputs, [1, 2, 0.1, 4, 5, 1 / 3]), [out]),
  median: (k) => (k.median(out, inputs), [out]),
  trimmedMean: (k) => (k.trimmedMean(out, inputs, 2), [out]),
  meamed: (k) => (k.meamed(out, inputs, 2), [out]),
  signMajority: (k) => (k.signMajority(out, inputs), [out]),
  average: (k) => (k.average([out, other], inputs, [[1, 0, 1, 1, 0, 0], [0.1, 3, 0, 1, 1, 1]]), [out, other]), // prettier-ignore
  'average of sets': (k) => (k.average([out, other], inputs, [[1, 0, 1, 1, 0, 0], [0, 1, 0, 1, 1, 1]]), [out, other]), // prettier-ignore
  averageAndDistances: (k) => k.averageAndDistances(out, inputs, [1, 0, 1, 1, 0.3, 0]),
  squaredDistances: (k) => k.squaredDistances(inputs[3]!, inputs),
  pairDistances: (k) => k.pairDistances(inputs),
  squaredNorms: (k) => k.squaredNorms(inputs)
}

function digest({ buffer, byteOffset, byteLength }: Vector): string {
  return createHash('sha1')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
}

function result(work: Work, kernels: Kernels): unknown {
  out.fill(NaN)
  other.fill(NaN)
  const made = work(kernels)
  return Array.isArray(made) ? made.map(digest) : made
}

describe('a divided call has the bits of one thread', () => {
  /** Nobody helps: the caller does all pieces, which is as good a test of their edges. */
  const started: SharedArrayBuffer[] = []
  const teams = [2, 3, 8].map((size) => {
    const team = new Team({ size, start: (control) => started.push(control) })
    return createKernels({ memory: arena.memory, team })
  })

  it.each(Object.entries(WORK))('%s', (_, work) => {
    const whole = result(work, simd)
    for (const kernels of teams) expect(result(work, kernels)).toEqual(whole)
  })

  describe('optimiser steps', () => {
    const length = 600_003
    const vectors = Array.from({ length: 7 }, (_, k) => {
      const vector = arena.allocate(length)
      for (let at = 0; at < length; at += LENGTH) vector.set(inputs[k % N]!.subarray(0, length - at), at)
      return vector
    })
    const [p, first, second, gradient, ...outs] = vectors as [Vector, Vector, Vector, Vector, Vector, Vector, Vector]
    const [parameters, m, v] = outs
    const sgd = { learningRate: 0.1, weightDecay: 1e-4 }
    const momentum = { ...sgd, momentum: 0.9, nesterov: true }
    const betas = { beta1: 0.9, gamma1: 0.1, beta2: 0.99, gamma2: 0.01 }
    const adam = { ...betas, stepSize: 0.1, weightDecay: 0, shrink: 1, correction: 0.3, epsilon: 1e-8 }
    for (let i = 0; i < length; i++) second[i] = Math.abs(second[i]!)

    const STEPS: Record<string, (kernels: Kernels) => boolean> = {
      sgd: (k) => k.sgd(parameters, p, gradient, sgd),
      momentum: (k) => k.momentum({ parameters, velocity: m }, { parameters: p, velocity: first }, gradient, momentum),
      adam: (k) => k.adam({ parameters, first: m, second: v }, { parameters: p, first, second }, gradient, adam)
    }

    function made(step: (kernels: Kernels) => boolean, kernels: Kernels): unknown {
      for (const vector of outs) vector.fill(NaN)
      return [step(kernels), ...outs.map(digest)]
    }

    it.each(Object.entries(STEPS))('%s', (_, step) => {
      const whole = made(step, simd)
      for (const kernels of teams) expect(made(step, kernels)).toEqual(whole)
    })

    it('say that a piece is not finite', () => {
      const [kernels] = teams as [Kernels]
      const [kept] = gradient.subarray(-1)
      gradient[length - 1] = Infinity
      expect(kernels.sgd(parameters, p, gradient, sgd)).toBe(false)
      gradient[length - 1] = kept!
      expect(kernels.sgd(parameters, p, gradient, sgd)).toBe(true)
    })
  })

  it('asks for helpers once, and for none where there is little to do', () => {
    expect(started).toHaveLength(teams.length)
    const none = new Team({ size: 4, start: () => expect.fail('a helper was asked for') })
    const kernels = createKernels({ memory: arena.memory, team: none })
    const few = inputs.map((vector) => vector.subarray(0, 1000))
    expect(kernels.pairDistances(few)).toEqual(simd.pairDistances(few))
    kernels.median(out.subarray(0, 1000), few)
  })

  it('asks for them with more vectors than 128 too', () => {
    let asked = 0
    const team = new Team({ size: 2, start: () => (asked += 1) })
    const kernels = createKernels({ memory: arena.memory, team })
    kernels.pairDistances(Array<Vector>(200).fill(inputs[0]!.subarray(0, 10_000)))
    expect(asked).toBe(1)
  })

  it('refuses what the kernels refuse, with the same words', () => {
    const [kernels] = teams as [Kernels]
    expect(() => kernels.average([out], inputs, [[1, 1, 1, 1, 1, -1]])).toThrow(/got the weights 1, 1, 1, 1, 1, -1/)
    expect(() => kernels.average([out], inputs, [[1, 1, 1, 1, 1, Infinity]])).toThrow(/weights .*Infinity/)
    expect(() => kernels.meamed(out, inputs, 6)).toThrow(/meamed: got 6 to drop/)
  })

  it('keeps numbers that text does not have as they are', () => {
    const [kernels] = teams as [Kernels]
    const long = [arena.allocate(1 << 21), arena.allocate(1 << 21)] as const
    long[1].fill(1)
    kernels.scale(long[0], long[1], -0)
    expect(Object.is(long[0][77], -0)).toBe(true)
    kernels.scale(long[0], long[1], Infinity)
    expect(long[0][77]).toBe(Infinity)
    kernels.scale(long[1], long[1], 3)
    expect([long[1][0], long[1].at(-1)]).toEqual([3, 3])
    for (const vector of long) arena.free(vector)
  })
})

it('a helper that cannot read the call is not waited for', () => {
  let control = new SharedArrayBuffer()
  const team = new Team({ size: 2, start: (shared) => (control = shared) })
  const waited = new Error('it waited')
  vi.spyOn(Atomics, 'wait')
    .mockReturnValueOnce('not-equal')
    .mockImplementation(() => {
      throw waited
    })
  vi.spyOn(JSON, 'parse').mockImplementationOnce(() => {
    throw new RangeError('no memory')
  })
  const ends: unknown[] = []
  const asHelper = () => {
    try {
      help(control, () => {})
    } catch (thrown) {
      ends.push(thrown)
    }
  }
  try {
    expect(team.run('call', { pieces: 1, numbers: 1 }, asHelper)).toBeUndefined()
    expect(ends).toEqual([waited])
  } finally {
    vi.restoreAllMocks()
  }
})
