import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { aggregateByHand } from '../src/aggregate/by-hand.js'

interface Example {
  readonly name: string
  readonly kind: string
  readonly library: string
  readonly params: Readonly<Record<string, unknown>>
  readonly inputs: number[][]
  readonly output: number[] | number[][]
  readonly tolerance: number
}

const FIXTURES = join(import.meta.dirname, '..', '..', '..', 'test', 'compliance', 'fixtures', 'byzfl-parity.json')
const { examples } = JSON.parse(readFileSync(FIXTURES, 'utf8')) as { examples: Example[] }

/** The document that asks for what an example computed. */
function documentOf({ name, kind, params, inputs: vectors }: Example): Record<string, unknown> {
  if (kind === 'pre_aggregator') return { vectors, preAggregators: [{ rule: name, params }] }
  if (kind === 'pipeline') {
    const { pre, aggregator, f, c } = params as { pre: string[]; aggregator: string; f: number; c: number }
    const takes = (rule: string) => (rule === 'Clipping' ? { c } : /Median/.test(rule) ? {} : { f })
    const preAggregators = pre.map((rule) => ({ rule, params: takes(rule) }))
    return { vectors, rule: aggregator, params: takes(aggregator), preAggregators }
  }
  return { vectors, rule: name.split('(')[0], params }
}

const OURS = ['aggregator', 'pre_aggregator', 'pipeline']
const parity = examples.filter(({ kind, library }) => OURS.includes(kind) && library === 'byzfl')

describe('gives what ByzFL gives', () => {
  test('there are examples', () => expect(parity.length).toBe(68))

  test.each(parity.map((example) => [`${example.name} ${JSON.stringify(example.params)}`, example] as const))(
    '%s',
    async (_, example) => {
      const document = documentOf(example)
      const { output } = await aggregateByHand({ ...document, dtype: 'float64' })
      expectClose(output, example.output, example.tolerance)
      // float32 has 24 bits, and the longest of these examples some ten roundings
      const { output: single } = await aggregateByHand(document)
      expectClose(single, example.output, 2e-6)
    }
  )
})

test('centred clipping goes on from m as from its own last result', async () => {
  const [example] = examples.filter(({ params }) => params['calls'] === 2)
  const { calls: _, ...params } = example!.params
  const call = async (m: unknown) => {
    const document = { vectors: example!.inputs, rule: 'CenteredClipping', params: { ...params, m }, dtype: 'float64' }
    return (await aggregateByHand(document)).output
  }
  expectClose(await call(await call(null)), example!.output, example!.tolerance)
})

test('gives what the code of Zeno gives', async () => {
  const example = examples.find(({ name }) => name === 'Zeno')!
  const { x, lr, rho, b } = example.params as { x: number[]; lr: number; rho: number; b: number }
  const loss = (at: number[]) => at.reduce((sum, value) => sum + 0.5 * value * value, 0)
  const after = example.inputs.map((row) => loss(x.map((value, i) => value - lr * row[i]!)))
  const document = { vectors: example.inputs, rule: 'Zeno', params: { rho, b }, losses: { before: loss(x), after } }
  expectClose((await aggregateByHand({ ...document, dtype: 'float64' })).output, example.output, example.tolerance)
  const { inputs: vectors, params } = example
  const asWritten = { vectors, rule: 'Zeno', params, dtype: 'float64' }
  expectClose((await aggregateByHand(asWritten)).output, example.output, example.tolerance)
  for (const [wrong, message] of [
    [{ loss: 'log' }, /params\.loss: got "log", expected "0\.5\*\|\|x\|\|\^2"/],
    [{ penalty: 'sum' }, /params\.penalty: got "sum"/],
    [{ lr: 0 }, /params\.lr: got 0, expected a finite number above 0/],
    [{ lr: Infinity }, /params\.lr: got Infinity, expected a finite number above 0/],
    [{ x: [1, Infinity] }, /params\.x: got \[1,Infinity\], expected a list/],
    [{ lr: null, x: [1] }, /params\.x: got 1 numbers for vectors of 2/],
    [{ x: 'here' }, /params\.x: got "here", expected a list/],
    [{ x: [1] }, /params\.x: got 1 numbers for vectors of 2/]
  ] as const) {
    await expect(aggregateByHand({ ...asWritten, params: { ...params, ...wrong } })).rejects.toThrow(message)
  }
  for (const word of [{ x }, { lr: 0.5 }, { loss: '0.5*||x||^2' }, { penalty: 'mean of squares' }]) {
    const both = aggregateByHand({ ...document, params: { rho, b, ...word } })
    await expect(both).rejects.toThrow(`params.${Object.keys(word)[0]}: got`)
    await expect(both).rejects.toThrow('beside losses, which say all that it is for')
  }
  for (const [losses, message] of [
    [{ before: 1 }, /losses: got {"before":1}, expected {"after": /],
    [3, /losses: got 3, expected {"after": /],
    [
      { ...document.losses, stepsize: 1 },
      /losses\.stepsize: no such field, did you mean "stepSize"\? expected before, after, stepSize/
    ],
    [{ ...document.losses, stepSize: -1 }, /losses\.stepSize: got -1, expected a finite number above 0/],
    [{ ...document.losses, stepSize: Infinity }, /losses\.stepSize: got Infinity, expected a finite number above 0/]
  ] as const) {
    await expect(aggregateByHand({ ...document, losses })).rejects.toThrow(message)
  }
  await expect(aggregateByHand({ ...document, losses: undefined })).rejects.toThrow(/zeno: got no losses/)
})

function expectClose(got: number[] | number[][], expected: number[] | number[][], tolerance: number): void {
  const [a, b] = [got.flat(), expected.flat()]
  expect(a.length).toBe(b.length)
  const scale = Math.max(1, ...b.map(Math.abs))
  for (const [i, value] of b.entries()) expect(Math.abs(a[i]! - value) / scale, `at ${i}`).toBeLessThan(tolerance)
}

describe('a document by hand', () => {
  const vectors = [[1, 0], [2, 0], [3, 1], [40, 0]] // prettier-ignore
  const weighted = { vectors, rule: 'mean', params: { weighted: true, cap: 100 } }

  test('weighs by samples', async () => {
    expect(await aggregateByHand({ ...weighted, samples: [3, 1, 0, 0] })).toEqual({ output: [1.25, 0] })
    expect(await aggregateByHand({ ...weighted, rule: 'Average', samples: [0, 0, 2, 0] })).toEqual({ output: [3, 1] })
  })

  test('takes null for what is left out', async () => {
    const document = {
      vectors,
      rule: 'Median',
      params: null,
      losses: null,
      samples: null,
      preAggregators: null,
      dtype: null
    }
    expect(await aggregateByHand(document)).toEqual({ output: [2.5, 0] })
    const bucketing = { rule: 'Bucketing', params: { s: 4, permutation: null } }
    expect(await aggregateByHand({ vectors, rule: null, preAggregators: [bucketing] })).toEqual({
      output: [[11.5, 0.25]]
    })
  })

  test('takes our names, options behind a colon, and pre-aggregators in their order', async () => {
    expect(await aggregateByHand({ vectors, rule: 'krum', params: { f: 0 } })).toEqual({ output: [2, 0] })
    expect(await aggregateByHand({ vectors, rule: 'krum:f=0' })).toEqual({ output: [2, 0] })
    const parameters = { vectors, rule: 'GeometricMedian', params: { T: 7, nu: 0.2 } }
    const behind = { vectors, rule: 'GeometricMedian:T=7', params: { nu: 0.2 } }
    expect(await aggregateByHand(behind)).toEqual(await aggregateByHand(parameters))
    const chain = [
      { rule: 'clipping', params: { c: 1 } },
      { rule: 'bucketing', params: { s: 4 } }
    ]
    const { output } = await aggregateByHand({ vectors, preAggregators: chain })
    expect(output).toEqual([
      [expect.closeTo((1 + 1 + 3 / Math.sqrt(10) + 1) / 4, 6), expect.closeTo(1 / Math.sqrt(10) / 4, 6)]
    ])
  })

  test.each([
    [{ vectors, rule: 'Krumm' }, 'unknown', /got "Krumm"/],
    [{ vectors, rule: 'krum', params: { g: 1 } }, 'unknown', /krum: got the option "g"/],
    [{ vectors, rule: 'TrMean', params: { f: 2 } }, 'argument', /trimmed-mean: got 4 vectors, .*at least 5/],
    [{ vectors, rule: 'mean', dtype: 'float16' }, 'argument', /dtype: got "float16"/],
    [{ vectors: [[1], [1, 2]], rule: 'mean' }, 'shape', /got 2 numbers in list 1, expected 1/],
    [{ vectors: [[1], [null]], rule: 'mean' }, 'argument', /got null at 0 of list 1, expected a finite number/],
    [{ vectors: [[1], [1e39]], rule: 'mean' }, 'argument', /got 1e\+39 at 0 .* 3\.4028235e\+38 .* "dtype": "float64"/],
    [{ vectors: [], rule: 'mean' }, 'argument', /vectors: got \[\], expected a list of lists/],
    [{ vectors, rule: 'CenteredClipping', params: { m: [1] } }, 'shape', /params\.m: got 1 numbers for vectors of 2/],
    [{ vectors, rule: 'CenteredClipping', params: { m: [1, 'x'] } }, 'argument', /params\.m: got \[1,"x"\]/],
    [{ vectors, rule: 'CenteredClipping', params: { calls: 0 } }, 'argument', /params\.calls: got 0/],
    [{ vectors, rule: 'CenteredClipping', params: { m: [1, Infinity] } }, 'argument', /params\.m: got \[1,Infinity\]/],
    [{ vectors, rule: 'CenteredClipping', params: { calls: Infinity } }, 'argument', /params\.calls: got Infinity/],
    [{ vectors, rule: 'CenteredClipping', params: { calls: 'x' } }, 'argument', /params\.calls: got "x"/],
    [{ vectors, rule: 'krum', params: { m: [1, 2] } }, 'argument', /params\.m: got \[1,2\]/],
    [{ vectors, preAggregators: [{ rule: 'NNM', params: { f: 2 } }] }, 'argument', /pre-aggregator nnm: got 4 vectors/],
    [
      { vectors: [[1], [1e78]], rule: 'CAF', dtype: 'float64' },
      'argument',
      /got 1e\+78 at 0 of list 1, .* of 1e\+70 at most$/
    ],
    [{ vectors, rule: 'GeometricMedian', params: { T: 1, iterations: 3 } }, 'argument', /params: got T and iterations/],
    [
      { vectors, rule: 'krum', params: { f: Infinity } },
      'argument',
      /params\.f: got Infinity, expected a finite number/
    ],
    [{ vectors, rule: 'mean', seed: Infinity }, 'argument', /seed: got Infinity/],
    [{ vectors, rule: Infinity }, 'argument', /rule: got Infinity/],
    [{ vectors, preAggregators: 'nnm' }, 'argument', /preAggregators: got "nnm", expected a list of objects/],
    [
      { vectors, preAggregators: [{ rule: 'bucketing', params: { permutation: [0, 0, 1] } }] },
      'argument',
      /permutation: got \[0,0,1\], expected a list of all indices/
    ],
    [{ vectors, preAggregators: [{ rule: 'NNM', params: 3 }] }, 'argument', /params: got 3, expected an object/],
    [{ vectors, rules: 'mean' }, 'unknown', /rules: no such field, did you mean "rule"\? expected vectors, rule/],
    [{ vectors }, 'argument', /^rule: got nothing, expected the name of a rule, preAggregators, or both/],
    [{ vectors, preAggregators: [] }, 'argument', /^rule: got nothing/],
    [{ vectors, preAggregators: [{ rule: 'nnm' }], params: { f: 1 } }, 'argument', /^params: got .* without a rule/],
    [
      { vectors, preAggregators: [{ rule: 'nnm' }], losses: { after: [] } },
      'argument',
      /^losses: got .* without a rule/
    ],
    [{ vectors, preAggregators: [{ rule: 'nnm' }], samples: [1] }, 'argument', /^samples: got \[1\] without a rule/],
    [
      { vectors, rule: 'mean', params: { weighted: true } },
      'argument',
      /^params\.weighted: got true without "samples"/
    ],
    [{ vectors, rule: 'mean:weighted=true' }, 'argument', /^params\.weighted: got true without "samples"/],
    [{ vectors, rule: 'mean', samples: [1, 2, 3, 4] }, 'argument', /^samples: got .* without "weighted": true/],
    [{ vectors, rule: 'Median', samples: [1, 2, 3, 4] }, 'argument', /^samples: got .* with Median, which has no use/],
    [{ ...weighted, samples: [1, 2, 3] }, 'shape', /^samples: got 3 counts for 4 vectors/],
    [{ ...weighted, samples: [1, 2, 3, 0.5] }, 'argument', /^samples: got \[1,2,3,0\.5\], expected a list of whole/],
    [{ ...weighted, samples: [1, 2, 3, '4'] }, 'argument', /^samples: got \[1,2,3,"4"\], expected a list of whole/],
    [{ ...weighted, samples: 4 }, 'argument', /^samples: got 4, expected a list of whole/],
    [
      { ...weighted, samples: [1, 2, 3, 4], preAggregators: [{ rule: 'bucketing' }] },
      'argument',
      /^samples: got \[1,2,3,4\] beside preAggregators/
    ],
    [
      { vectors, preAggregators: [{ rule: 'NNM', params: { permutation: [0, 1] } }] },
      'argument',
      /^preAggregators\[0\]\.params\.permutation: got \[0,1\] with NNM, which has no use for it/
    ],
    [
      { vectors, preAggregators: [{ rule: 'Bucketing', params: { permutation: ['0', [1], 2, 3] } }] },
      'argument',
      /permutation: got \["0",\[1\],2,3\], expected a list of all indices/
    ],
    [{ vectors, rule: 'median', losses: { after: [1, 2, 3, 4] } }, 'argument', /^losses: got .* with median, which/],
    [{ vectors, rule: 'krum:f=0', params: { f: 1 } }, 'argument', /^params\.f: got 1 beside "krum:f=0"; leave one/],
    [{ vectors, rule: 'CenteredClipping', params: { L: 1.5, calls: 2 } }, 'argument', /^CenteredClipping\.L: got 1\.5/],
    [
      { vectors, rule: 'CenteredClipping', params: { L: 600, calls: 2 } },
      'argument',
      /^params\.calls: got 2 of L = 600, expected 1000 iterations in all at most/
    ],
    [{ vectors, rule: 'trmean' }, 'unknown', /got "trmean", did you mean "TrMean"\?/],
    [{ vectors, rule: 'KRUM' }, 'unknown', /got "KRUM", did you mean "Krum"\?/],
    [{ vectors, rule: 'krun' }, 'unknown', /got "krun", did you mean "krum"\?/],
    [{ vectors, rule: 'Multikrum' }, 'unknown', /did you mean "MultiKrum"\?/],
    [{ vectors, rule: 'NNM' }, 'unknown', /^rule: got "NNM", which is a pre-aggregator, .* put it into preAggregators/],
    [
      { vectors, preAggregators: [{ rule: 'Krum' }] },
      'unknown',
      /^preAggregators\[0\]\.rule: got "Krum", which is a rule/
    ],
    [
      { vectors, rule: 'GeometricMedian', params: { t: 5 } },
      'unknown',
      /"t", did you mean "T"\? expected one of nu, T/
    ],
    [{ vectors, rule: 'GeometricMedian', params: { T: 0 } }, 'argument', /^GeometricMedian\.T: got 0, .* 1 ≤ T ≤ 1000/],
    [{ vectors, rule: 'MoNNA', params: { idx: -1 } }, 'argument', /^MoNNA\.idx: got -1, expected an integer, idx ≥ 0/],
    [
      { vectors, rule: 'Median', preAggregators: [{ params: { f: 1 } }] },
      'argument',
      /^preAggregators\[0\]\.rule: got n/
    ],
    [{ vectors, rule: 'krum', params: { f: '2' } }, 'argument', /^params\.f: got "2", expected 2 without quotes/],
    [{ vectors, rule: 'krum', params: { f: ' 0x2 ' } }, 'argument', /^params\.f: got " 0x2 ", expected 2 without/],
    [{ vectors: [[1]], rule: 'Krum' }, 'argument', /krum: got 1 vectors, f = 0: expected more than f \+ 1, at least 2/]
  ])('refuses %j', async (document, code, message) => {
    await expect(aggregateByHand(document)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string
    })
  })

  test('peergrad aggregate --json reads it from standard input', () => {
    const bin = join(import.meta.dirname, '..', 'bin', 'peergrad.js')
    const run = (input: string) =>
      spawnSync(process.execPath, [bin, 'aggregate', '--json'], { input, encoding: 'utf8' })
    const done = run(JSON.stringify({ vectors, rule: 'Median', dtype: 'float64' }))
    expect(JSON.parse(done.stdout)).toEqual({ output: [2.5, 0] })
    const wrong = run('{"vectors": ')
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toMatch(/^peergrad: standard input: got no JSON .*expected one JSON object/)
    expect(run('null').stderr).toMatch(/^peergrad: standard input: got null, expected one JSON object/)
  })
})

describe('a plug-in that is wrong is named', () => {
  const WRONG = join(import.meta.dirname, 'fixtures', 'wrong.mjs')
  const vectors = [[1, 2], [3, 6]] // prettier-ignore

  test.each([
    ['throwsError', 'aggregator mine threw: no luck'],
    ['throwsText', 'aggregator mine threw: no luck'],
    ['throwsNothing', 'aggregator mine threw: undefined'],
    ['late', 'aggregator mine: aggregate gave a promise, expected it to be done when it returns'],
    ['nan', 'the result of aggregator mine holds NaN at 0, expected finite numbers only'],
    ['writes', 'aggregator mine wrote into vector 1 of its inputs, expected it to write only what it gives out']
  ])('rule %s', async (name, message) => {
    for (const dtype of ['float32', 'float64']) {
      const made = aggregateByHand({ rule: `${WRONG}#${name}`, vectors, dtype })
      await expect(made).rejects.toMatchObject({ message, data: { plugin: 'aggregator mine' } })
    }
  })

  test.each([
    ['preThrows', undefined, 'pre-aggregator mine threw: no luck'],
    ['preNan', undefined, 'the result of pre-aggregator mine holds NaN at 0, expected finite numbers only'],
    ['preNan', 'mean', 'the result of pre-aggregator mine holds NaN at 0, expected finite numbers only']
  ])('pre-aggregator %s before %s', async (name, rule, message) => {
    const made = aggregateByHand({ ...(rule && { rule }), preAggregators: [{ rule: `${WRONG}#${name}` }], vectors })
    await expect(made).rejects.toMatchObject({ message, data: { plugin: 'pre-aggregator mine' } })
  })
})
