import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { craftByHand } from '../src/craft/by-hand.js'

interface Example {
  readonly name: string
  readonly kind: string
  readonly params: Readonly<Record<string, unknown>>
  readonly inputs: readonly (readonly number[])[]
  readonly output: readonly number[]
  readonly tolerance: number
}

const fixtures = join(import.meta.dirname, '..', '..', '..', 'test', 'compliance', 'fixtures', 'byzfl-parity.json')
const { examples } = JSON.parse(readFileSync(fixtures, 'utf8')) as { examples: Example[] }
const ofAttacks = examples.filter(({ kind }) => kind === 'attack')

describe('craft by hand', () => {
  it('gives what ByzFL gives, with its names and parameters, against our own rules', async () => {
    expect(ofAttacks.length).toBe(122)
    const others: unknown[] = []
    for (const { name, params, inputs, output, tolerance } of ofAttacks) {
      const crafted = await craftByHand({ attack: name, params, vectors: inputs, dtype: 'float64' })
      const fits = output.every((expected, i) => {
        return Math.abs(crafted.output[i]! - expected) <= tolerance * Math.max(1, Math.abs(expected))
      })
      if (!fits) others.push({ name, ...params })
    }
    expect(others).toEqual([])
  })

  const vectors = [
    [1, 2],
    [3, 6]
  ]

  it('against a rule of ByzFL takes what ByzFL does without an f: one that is hostile, and a rule that expects none', async () => {
    const params = { agg: 'TrMean', evals: 4 }
    const defence = { rule: 'TrMean', params: { f: 0 } }
    const spelt = { attack: 'optimal-alie', params: { evals: 4 }, f: 1, defence, vectors }
    expect(await craftByHand({ attack: 'Optimal_ALittleIsEnough', params, vectors })).toEqual(await craftByHand(spelt))
    expect(await craftByHand({ attack: 'optimal-alie', params, vectors })).toEqual(await craftByHand(spelt))
  })

  it.each(['TrMean', 'trimmed-mean'])(
    'tells %s, as `agg`, how many are hostile, wherever the document says so',
    async (agg) => {
      const rows = [[1, 2], [1.1, 2], [0.9, 2.1], [1, 1.9], [1.3, 2.2]] // prettier-ignore
      const crafted = (given: object) => craftByHand({ attack: 'Optimal_ALittleIsEnough', vectors: rows, ...given })
      const spelt = await crafted({ f: 2, defence: { rule: 'trimmed-mean', params: { f: 2 } } })
      expect(await crafted({ f: 2, params: { agg } })).toEqual(spelt)
      expect(await crafted({ params: { agg, f: 2 } })).toEqual(spelt)
      expect(await crafted({ f: 2, params: { agg, f: 2 } })).toEqual(spelt)
    }
  )

  it("takes no parameters for none, by ByzFL's names too", async () => {
    const crafted = await craftByHand({ attack: 'SignFlipping', vectors })
    expect(await craftByHand({ attack: 'SignFlipping', params: null, vectors })).toEqual(crafted)
  })

  it.each([
    [{ attack: 'ipm', params: { tau: 0.5 } }, [-1, -2]],
    [{ attack: 'sign-flip', params: { of: 'own', factor: 10 }, own: [4, 5] }, [-40, -50]],
    [{ attack: 'free-rider', params: { sigma: 0 }, last: [7, 8] }, [7, 8]],
    [{ attack: 'optimal-ipm', params: { evals: 2, delta: 1 }, defence: { rule: 'mean' } }, [-2, -4]]
  ])('%j', async (document, expected) => {
    expect(await craftByHand({ ...document, vectors })).toEqual({ output: expected })
  })

  const BYZFL = 'Optimal_InnerProductManipulation'

  it.each([
    [{ attack: 'krum' }, 'unknown', 'krum'],
    [{ attack: 'nan' }, 'unsupported', 'payload'],
    [{ attack: 'zero', own: [1] }, 'shape', 'own'],
    [{ attack: 'zero', vector: [] }, 'unknown', 'vector'],
    [{ attack: 'optimal-alie' }, 'missing', 'no defence'],
    [{ attack: 'optimal-alie', defence: 'krum' }, 'argument', 'defence: got "krum"'],
    [{ attack: 'optimal-ipm', defence: {} }, 'argument', 'defence.rule: got nothing, expected a name'],
    [
      { attack: 'optimal-ipm', defence: { preAggregators: [{ rule: 'nnm' }] } },
      'argument',
      'defence.rule: got nothing'
    ],
    [{ attack: 'optimal-ipm', defence: { params: { f: 1 } } }, 'argument', 'defence.rule: got nothing'],
    [{ attack: 'optimal-ipm', defence: { rules: 'krum' } }, 'unknown', 'defence.rules: no such field'],
    [
      { attack: 'optimal-ipm', params: { agg: 'Median' }, defence: { rule: 'mean' } },
      'argument',
      'params.agg: got a defence beside it'
    ],
    [
      { attack: BYZFL, params: { pre_agg_list: ['NNM'] }, defence: { rule: 'mean' } },
      'argument',
      'params.pre_agg_list: got ["NNM"] without params.agg, which it is for'
    ],
    [{ attack: BYZFL, params: { agg: 'trmean' } }, 'unknown', 'got "trmean", did you mean "TrMean"?'],
    [{ attack: BYZFL, params: { agg: 'NNM' } }, 'unknown', 'defence.rule: got "NNM", which is a pre-aggregator'],
    [{ attack: BYZFL, params: { tau_found: 1, prefer: 1 } }, 'argument', 'params: got tau_found and prefer, which are'],
    [{ attack: BYZFL, params: { tau_found: -1 } }, 'argument', `${BYZFL}.tau_found: got -1, expected tau_found ≥ 0`],
    [{ attack: BYZFL, params: { eval: 1 } }, 'unknown', `${BYZFL}: got the parameter "eval", did you mean "evals"?`],
    [
      { attack: 'optimal-ipm', defence: { rule: 'mean:weighted=true' } },
      'argument',
      'defence.params.weighted: got true'
    ],
    [{ attack: 'SignFliping' }, 'unknown', 'did you mean "SignFlipping"?'],
    [{ attack: 'ipm', params: { tau: '2.5' } }, 'argument', 'params.tau: got "2.5", expected 2.5 without quotes'],
    [{ attack: 'zero', own: 5 }, 'argument', 'own: got 5, expected a list of numbers'],
    [{ attack: 'zero', last: [1, 'x'] }, 'argument', 'last: got "x" at 1, expected a finite number'],
    [{ attack: 'zero', vektors: [] }, 'unknown', 'vektors: no such field, did you mean "vectors"?'],
    [
      { attack: 'optimal-ipm', defence: { rule: 'mean', params: 3 } },
      'argument',
      'defence.params: got 3, expected an object'
    ],
    [
      { attack: 'optimal-ipm', defence: { rule: 'mean', preAggregators: [{ rule: 'nnm', params: { f: '1' } }] } },
      'argument',
      'defence.preAggregators[0].params.f: got "1", expected 1 without quotes'
    ],
    [{ attack: BYZFL, f: 1, params: { agg: 'TrMean', f: 2 } }, 'argument', 'params.f: got 2 beside f: 1, expected one'],
    [{ attack: BYZFL, f: '2', params: { agg: 'TrMean', f: 2 } }, 'argument', 'params.f: got 2 beside f: "2"'],
    [{ attack: BYZFL, params: { agg: 'Median', c: '2' } }, 'argument', 'params.c: got "2", expected a finite number'],
    [
      { attack: 'SignFlipping', params: { f: 3, c: 7, pre_agg_list: ['NNM'] } },
      'argument',
      'params.pre_agg_list: got ["NNM"] with SignFlipping, which has no use for it'
    ],
    [{ attack: 'SignFlipping', params: { f: 3 } }, 'argument', 'params.f: got 3 with SignFlipping'],
    [{ attack: 'Mimic', params: { c: 7 } }, 'argument', 'params.c: got 7 with Mimic'],
    [{ attack: 'ALittleIsEnough', params: { agg: 'Krum', f: 2 } }, 'argument', 'params.agg: got "Krum" with ALittle'],
    [{ attack: 'ALittleIsEnough', params: { tau_found: 3 } }, 'argument', 'params.tau_found: got 3 with ALittle'],
    [{ attack: 'alie', defence: { rule: 'mean' } }, 'argument', 'defence: got {"rule":"mean"} with alie, which has no'],
    [{ attack: BYZFL, params: { agg: 3 } }, 'argument', 'params.agg: got 3'],
    [{ attack: BYZFL, params: { agg: 'Median', pre_agg_list: 'NNM' } }, 'argument', 'params.pre_agg_list: got "NNM"'],
    [{ attack: BYZFL, params: { agg: 'Median', pre_agg_list: [3] } }, 'argument', 'params.pre_agg_list: got [3]'],
    [{ attack: BYZFL, params: { agg: 'Median', f: 0 } }, 'argument', 'params.f: got 0, expected a whole number from 1'],
    [{ attack: 'alie', f: 0 }, 'argument', 'f: got 0, expected a whole number from 1'],
    [{ attack: 'alie', f: Infinity }, 'argument', 'f: got Infinity'],
    [{ attack: 'SignFlipping', params: [] }, 'argument', 'params: got []'],
    [{ attack: 'alie', params: 3 }, 'argument', 'params']
  ])('%j is refused', async (document, code, word) => {
    await expect(craftByHand({ ...document, vectors })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(word) as string
    })
  })

  const WRONG = join(import.meta.dirname, 'fixtures', 'wrong.mjs')

  it.each([
    ['craftThrows', 'attack mine threw: undefined'],
    ['craftNan', 'the result of attack mine holds Infinity at 0, expected finite numbers only'],
    ['craftWrites', 'attack mine wrote into vector 1 of its inputs, expected it to write only what it gives out']
  ])('names an attack that is wrong: %s', async (name, message) => {
    const crafted = craftByHand({ attack: `${WRONG}#${name}`, vectors })
    await expect(crafted).rejects.toMatchObject({ message, data: { plugin: 'attack mine' } })
  })

  it('names an attack that never ends', async () => {
    vi.useFakeTimers()
    try {
      const crafted = expect(craftByHand({ attack: `${WRONG}#craftsNever`, vectors })).rejects.toMatchObject({
        message: 'attack mine did not end its work within 32 s',
        data: { plugin: 'attack mine' }
      })
      // its module is imported first
      await vi.waitUntil(() => vi.getTimerCount() > 0)
      await vi.advanceTimersByTimeAsync(32_000)
      await crafted
    } finally {
      vi.useRealTimers()
    }
  })

  it('blames the inputs, and not a rule or an attack of ours, for what is too large', async () => {
    const crafted = craftByHand({ attack: 'ipm', params: { tau: 1e38 }, vectors: [[1e38]] })
    await expect(crafted).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringMatching(/^output: got/) as string
    })
  })
})
