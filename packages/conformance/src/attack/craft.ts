import assert from 'node:assert/strict'
import { random, type CraftInput, type Floats, type GradientAttack } from '@peergrad/core'
import fc from 'fast-check'
import { assertSame } from '../arrays.js'
import type { Law } from '../law.js'

/** What a round is like: the honest vectors, the own one, and which it is, from 0. */
interface Scene {
  readonly honest: readonly (readonly number[])[]
  readonly own: readonly number[]
  readonly round: number
  readonly seed: number
}

const scenes: fc.Arbitrary<Scene> = fc
  .tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 12 }))
  .chain(([n, length]) => {
    const row = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: length, maxLength: length })
    const honest = fc.array(row, { minLength: n, maxLength: n })
    return fc.record({ honest, own: row, round: fc.constantFrom(0, 3), seed: fc.integer({ min: 1, max: 1000 }) })
  })

/** Rounds of which an attack lies in one at least. */
const ROUNDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20, 50, 100, 101, 1000]

/** Hostile peers of a scene. */
const HOSTILE = 1

/** The laws of an attack that gives another vector than its gradient. It is told what it says that it knows, and no more. */
export function craftLaws(create: () => GradientAttack, patience: number): Law[] {
  const always = (holds: (scene: Scene) => Promise<void>) => () =>
    fc.assert(fc.asyncProperty(scenes, holds), { numRuns: 40 })

  async function craft(scene: Scene, attack = create()) {
    const input = inputOf(scene, attack)
    const ended = await inTime(patience, attack.craft(input))
    assert.ok(ended, `it did not end within ${patience / 1000} s`)
    return input
  }

  return [
    {
      name: 'ends its work, with what it says that it knows',
      first: true,
      async prove() {
        for (const round of [0, 3]) await craft({ honest: [[1], [2]], own: [3], round, seed: 1 })
      }
    },
    {
      name: 'writes its output whole, of finite numbers, and nothing else',
      prove: always(async (scene) => {
        const { honest, own, last, out } = await craft(scene)
        const stray = out.findIndex((value) => !Number.isFinite(value))
        assert.ok(stray < 0, `got ${out[stray]} at ${stray}, expected a finite number: another is in no round`)
        assertSame(own, scene.own, 'the own vector')
        for (const [k, row] of honest.entries()) assertSame(row, scene.honest[k], `honest vector ${k}`)
        if (last !== undefined) assertSame(last, scene.honest[0], 'what the last round made')
      })
    },
    {
      name: 'crafts another vector than its own gradient',
      async prove() {
        for (const scene of ROUNDS.map(spread)) {
          const { out } = await craft(scene)
          if (out.some((value, i) => value !== scene.own[i])) return
        }
        assert.fail(`it gave its own gradient in each of the rounds ${ROUNDS.join(', ')}, expected a lie`)
      }
    },
    {
      name: 'crafts the same again, from another instance, for the same seed: so accomplices do',
      prove: always(async (scene) => {
        const attack = create()
        const first = (await craft(scene, attack)).out
        assertSame((await craft(scene, attack)).out, first, 'the second time')
        assertSame((await craft(scene)).out, first, 'from another instance')
      })
    }
  ]
}

/** A round of gradients that are not alike. */
function spread(round: number): Scene {
  const noise = random(round, 'spread')
  const row = () => Array.from({ length: 12 }, () => Math.fround(1 + noise.normal()))
  return { honest: [row(), row(), row(), row(), row()], own: row(), round, seed: 1 + round }
}

function inputOf({ honest, own, round, seed }: Scene, { knows }: GradientAttack): CraftInput {
  const rows = honest.map((row) => Float32Array.from(row))
  const told = knows.includes('honest') ? rows : []
  const n = rows.length + HOSTILE
  return {
    own: Float32Array.from(own),
    honest: told,
    ...(knows.includes('last') && round > 0 && { last: Float32Array.from(honest[0]) }),
    ...(knows.includes('topology') && { victim: { vector: rows[0], neighbours: rows.slice(1), hostile: HOSTILE } }),
    ...(knows.includes('defence') && { defence: async (candidate: Floats) => meanOf([...rows, candidate]) }),
    out: new Float32Array(own.length).fill(NaN),
    random: random(seed, 'attack'),
    round,
    n,
    f: HOSTILE
  }
}

/** What the rule of a run without defence makes of them. */
function meanOf(rows: readonly Floats[]): Float32Array {
  return Float32Array.from(rows[0], (_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length)
}

async function inTime(milliseconds: number, work: void | Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, milliseconds, false)))
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
