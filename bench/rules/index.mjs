/**
 * Every rule and pre-aggregator over 16 vectors beside what its passes over memory would take at the speed of a copy, and
 * beside its plain numpy form where python3 has numpy. One process, one core (numpy's products use all), medians.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Arena, createKernels, loadPlugin, random, resolvePlugin } from '@peergrad/core'
import { aggregators, preAggregators } from '@peergrad/strategies'
import { machine } from '../machine.mjs'

const N = 16
const LENGTHS = [1_000_000, 11_200_000]

/** Options, and how many vectors are read and written; where a rule is the work of distances, as one Gram product. */
const RULES = [
  ['mean', N + 1],
  ['median', N + 1],
  ['trimmed-mean:f=3', N + 1],
  ['meamed:f=3', N + 1],
  ['geometric-median:iterations=3,tolerance=0', 5 * N + 5],
  ['krum:f=3', N + 2],
  ['multi-krum:f=3', 2 * N - 2],
  ['bulyan:f=3', 2 * N - 5],
  ['centered-clipping', 3 * N + 4],
  ['mda:f=3', 2 * N - 2],
  ['monna:f=3', 2 * N - 2],
  ['caf:f=3', 2 * N + 1],
  ['smea:f=3', 2 * N - 2],
  ['faba:f=3', 2 * N - 2],
  ['dnc:f=3', N - 2],
  ['sign-majority', N + 1]
]
const PRE = [
  ['nnm:f=3', 3 * N],
  ['bucketing', N + N / 2],
  ['clipping', 3 * N],
  ['arc:f=3', N + 8]
]

export async function run({ quick = false } = {}) {
  const parts = []
  for (const length of quick ? [50_000] : LENGTHS) parts.push(...(await table(length, quick ? 3 : 7)), '')
  const text = [
    '# Aggregation rules',
    '',
    `${N} vectors, f = 3, one core. "vectors" is how many pass through memory, "limit" what that takes at the speed of a copy ` +
      '(`Float32Array.set`) in the same run, "numpy" the plain form in `bench/rules/numpy_rules.py`, whose distances are ' +
      'float32 products over all cores; ours are differences in float64.',
    '',
    ...parts,
    machine(...(numpy === undefined ? ['no numpy'] : [`numpy ${numpy}`])),
    ''
  ].join('\n')
  process.stdout.write(text)
  if (!quick) writeFileSync(join(import.meta.dirname, '..', 'results', 'rules.md'), text)
}

let numpy

async function table(length, rounds) {
  const jobs = await jobsOf(length)
  const times = jobs.map(() => [])
  // the first round touches the pages and lets the compiler optimise
  for (let round = -1; round < rounds; round++) {
    for (const [i, { work }] of jobs.entries()) {
      const started = performance.now()
      work()
      if (round >= 0) times[i].push(performance.now() - started)
    }
  }
  const [copy] = times.map(median)
  const python = plain(length, rounds)
  const gram = python['Gram product']
  return [
    `## ${(length / 1e6).toFixed(length < 1e6 ? 2 : 1)} M floats`,
    '',
    '| rule | ms | vectors | limit, ms | × limit | numpy, ms | × numpy |',
    '|---|---|---|---|---|---|---|',
    ...jobs.slice(1).map(({ name, vectors }, i) => {
      const [spent, limit] = [median(times[i + 1]), (vectors / 2) * copy]
      const theirs = python[name.split(':')[0]]
      const beside = theirs === undefined ? ' | ' : `${theirs.toFixed(1)} | ${(theirs / spent).toFixed(1)}`
      return `| ${name} | ${spent.toFixed(1)} | ${vectors} | ${limit.toFixed(1)} | ${(spent / limit).toFixed(1)} | ${beside} |`
    }),
    '',
    `A copy takes ${copy.toFixed(1)} ms` +
      (gram === undefined ? '.' : `, one Gram product of numpy (float32, all cores) ${gram.toFixed(1)} ms.`)
  ]
}

async function jobsOf(length) {
  const arena = Arena.create({ bytes: (2 * N + 4) * (length * 4 + 64) })
  const kernels = createKernels({ memory: arena.memory, path: 'simd' })
  const vectors = Array.from({ length: N }, (_, k) => {
    const vector = arena.allocate(length)
    const noise = random(k, 'bench')
    // normal numbers of one block, over and over from another place: to draw them all takes longer than the bench
    const block = Float32Array.from({ length: 4099 }, () => noise.normal())
    for (let i = 0; i < length; i += block.length) vector.set(block.subarray(0, length - i), i)
    return vector
  })
  const out = arena.allocate(length)
  const lent = []
  const input = {
    vectors,
    samples: vectors.map(() => 1),
    out,
    kernels,
    random: random(1, 'bench'),
    scratch(size) {
      const vector = arena.allocate(size)
      lent.push(vector)
      return { vector, release: () => {} }
    }
  }
  const using = (work) => () => {
    work()
    for (const vector of lent.splice(0)) arena.free(vector)
  }
  const load = (kind, registry, text) => loadPlugin(kind, resolvePlugin(registry, text))
  const rules = RULES.map(async ([name, moved]) => {
    const rule = await load('aggregator', aggregators, name)
    return { name, vectors: moved, work: using(() => rule.aggregate(input)) }
  })
  const before = PRE.map(async ([name, moved]) => {
    const pre = await load('pre-aggregator', preAggregators, name)
    return { name, vectors: moved, work: using(() => pre.apply(input)) }
  })
  return [{ name: 'copy', vectors: 2, work: () => out.set(vectors[0]) }, ...(await Promise.all([...rules, ...before]))]
}

/** Milliseconds of numpy's rules by name; none where there is no numpy. */
function plain(length, rounds) {
  const script = join(import.meta.dirname, 'numpy_rules.py')
  const { status, stdout } = spawnSync('python3', [script, N, length, Math.min(rounds, 3)].map(String), {
    encoding: 'utf8'
  })
  if (status !== 0) return {}
  const { numpy: version, times } = JSON.parse(stdout)
  numpy = version
  return times
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
