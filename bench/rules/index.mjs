/**
 * Every rule and pre-aggregator over 16 vectors beside what its passes over memory would take at the speed of a copy, beside
 * a Gram product where it is the work of distances, and beside its plain numpy form where python3 has numpy. Medians.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Arena, createKernels, loadPlugin, random, resolvePlugin } from '@peergrad/core'
import { nodeTeam } from '@peergrad/store'
import { aggregators, preAggregators } from '@peergrad/strategies'
import { machine } from '../machine.mjs'

const N = 16
const LENGTHS = [1_000_000, 11_200_000]

const THREADS = nodeTeam(Arena.create({ bytes: 1 << 16 }).memory)?.size ?? 1

/** Options, and how many vectors are read and written. */
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
  ['sign-majority', N + 1],
  ['zeno:f=3', 2 * N - 2]
]
/** Of which the distances between all vectors are most of the work. */
const DISTANCES = ['krum', 'multi-krum', 'bulyan', 'mda', 'caf', 'smea', 'faba', 'nnm']
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
    `${N} vectors, f = 3. "ms" is over ${THREADS} threads, "1 thread" over one. "vectors" is how many pass through memory, "limit" what ` +
      'that takes at the speed of the fastest copy of this run, over all threads or by `Float32Array.set`. "Gram" is one product of all ' +
      'vectors with all by numpy, in float32 over all cores, which distances can be had from where vectors are not too near each other. ' +
      '"numpy" is the plain form in `bench/rules/numpy_rules.py`, whose distances are differences in float32; ours are differences in float64.',
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
  const times = jobs.map(() => ({ together: [], alone: [] }))
  // the first round touches the pages, starts the threads and lets the compiler optimise
  for (let round = -1; round < rounds; round++) {
    for (const [i, job] of jobs.entries()) {
      for (const how of ['together', 'alone']) {
        const started = performance.now()
        job[how]()
        if (round >= 0) times[i][how].push(performance.now() - started)
      }
    }
  }
  const copy = Math.min(median(times[0].together), median(times[0].alone)) / N
  const python = plain(length, rounds)
  const gram = python['Gram product']
  return [
    `## ${(length / 1e6).toFixed(length < 1e6 ? 2 : 1)} M floats`,
    '',
    '| rule | ms | 1 thread | vectors | limit, ms | × limit | × Gram | numpy, ms | × numpy |',
    '|---|---|---|---|---|---|---|---|---|',
    ...jobs.slice(1).map(({ name, vectors }, i) => {
      const { together, alone } = times[i + 1]
      const [spent, limit] = [median(together), (vectors / 2) * copy]
      const [word] = name.split(':')
      const theirs = python[word]
      const cells = [
        ...[spent, median(alone)].map((each) => each.toFixed(1)),
        vectors,
        ...[limit, spent / limit].map((each) => each.toFixed(1)),
        gram === undefined || !DISTANCES.includes(word) ? '' : (spent / gram).toFixed(1),
        ...(theirs === undefined ? ['', ''] : [theirs.toFixed(1), (theirs / spent).toFixed(1)])
      ]
      return `| ${name} | ${cells.join(' | ')} |`
    }),
    '',
    `A copy takes ${copy.toFixed(1)} ms` +
      (gram === undefined ? '.' : `, one Gram product of numpy (float32, all cores) ${gram.toFixed(1)} ms.`)
  ]
}

async function jobsOf(length) {
  const arena = Arena.create({ bytes: (2 * N + 4) * (length * 4 + 64) })
  const { memory } = arena
  const alone = createKernels({ memory, path: 'simd' })
  const together = createKernels({ memory, path: 'simd', team: nodeTeam(memory) })
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
    random: random(1, 'bench'),
    // what zeno is told: the batch is the engine's work
    trials: { losses: vectors.map((_, k) => (5 * k) % N), stepSize: 0.1 },
    scratch(size) {
      const vector = arena.allocate(size)
      lent.push(vector)
      return { vector, release: () => {} }
    }
  }
  const using = (kernels, work) => () => {
    work({ ...input, kernels })
    for (const vector of lent.splice(0)) arena.free(vector)
  }
  const both = (work) => ({ alone: using(alone, work), together: using(together, work) })
  const load = (kind, registry, text) => loadPlugin(kind, resolvePlugin(registry, text))
  const rules = RULES.map(async ([name, moved]) => {
    const rule = await load('aggregator', aggregators, name)
    return { name, vectors: moved, ...both((given) => rule.aggregate(given)) }
  })
  const before = PRE.map(async ([name, moved]) => {
    const pre = await load('pre-aggregator', preAggregators, name)
    return { name, vectors: moved, ...both((given) => pre.apply(given)) }
  })
  // of all vectors, since two of them may fit into a cache
  const copying = (copy) => () => {
    for (const vector of vectors) copy(input.scratch(length).vector, vector)
    for (const vector of lent.splice(0)) arena.free(vector)
  }
  const copy = { name: 'copy', alone: copying((to, from) => to.set(from)), together: copying(together.copy) }
  return [copy, ...(await Promise.all([...rules, ...before]))]
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
