/**
 * The strict kernels beside a plain memory copy: interleaved rounds in one process on one core, medians. GB/s counts
 * the bytes that each kernel has to read and write; the ratio is to the copy's, in the same run.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Arena, createKernels } from '@peergrad/core'
import { machine } from '../machine.mjs'

const LENGTH = 11_200_000
const TARGET = 0.5

export async function run({ quick = false } = {}) {
  const inputs = quick ? 4 : 16
  const rows = jobs(inputs)
  const rounds = quick ? 5 : 15
  const times = rows.map(() => [])
  // the first two rounds touch the pages and let the compiler optimise
  for (let round = -2; round < rounds; round++) {
    for (const [i, row] of rows.entries()) {
      const started = performance.now()
      row.work()
      if (round >= 0) times[i].push(performance.now() - started)
    }
  }

  const bandwidth = (i) => (rows[i].vectors * LENGTH * 4) / 1e6 / median(times[i])
  const lines = rows.map((row, i) => {
    const slow = quick || row.scalar === undefined ? '' : timed(row.scalar).toFixed(0)
    const ratio = (bandwidth(i) / bandwidth(0)).toFixed(2)
    return `| ${row.name} | ${median(times[i]).toFixed(1)} | ${row.vectors} | ${bandwidth(i).toFixed(1)} | ${ratio} | ${slow} |`
  })
  const ratio = bandwidth(rows.findIndex((row) => row.name === 'mean of 4')) / bandwidth(0)
  const text = [
    '# Numeric kernels',
    '',
    `${(LENGTH / 1e6).toFixed(1)} M floats (${(LENGTH * 4) / 1e6} MB) a vector, one core, WebAssembly SIMD; ` +
      `median of ${rounds} interleaved rounds. "vectors" is how many of them are read and written, "ratio" the GB/s over ` +
      'those of the memory copy (`Float32Array.set`) in the same run, "scalar" one warm call of the JavaScript path.',
    '',
    '| kernel | ms | vectors | GB/s | ratio | scalar, ms |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
    `Mean of 4 at **${ratio.toFixed(2)}** of the memory copy's bandwidth; aim: at least ${TARGET}.`,
    '',
    machine(),
    ''
  ].join('\n')
  process.stdout.write(text)
  if (!quick) writeFileSync(join(import.meta.dirname, '..', 'results', 'kernels.md'), text)
}

/** Name, number of vectors read and written, the work, and the same on the scalar path. The first is the yardstick. */
function jobs(inputs) {
  const arena = Arena.create({ bytes: (inputs + 6) * LENGTH * 4 })
  const simd = createKernels({ memory: arena.memory, path: 'simd' })
  const scalar = createKernels({ path: 'scalar' })
  const x = Array.from({ length: inputs }, (_, k) => {
    const vector = arena.allocate(LENGTH)
    for (let i = 0; i < LENGTH; i++) vector[i] = ((i * (2 * k + 1) * 2_654_435) % 2_000_003) / 1_000_000 - 1
    return vector
  })
  const [out, first, second] = [0, 0, 0].map((value) => arena.allocate(LENGTH).fill(value))
  const four = x.slice(0, 4)
  const bytes = arena.allocateBytes(LENGTH * 2)
  const half = new Uint16Array(bytes.buffer, bytes.byteOffset, LENGTH)
  const int8 = new Int8Array(bytes.buffer, bytes.byteOffset, LENGTH)
  const scales = arena.allocate(Math.ceil(LENGTH / 1024))
  const plain = [new Float32Array(LENGTH).fill(1), new Float32Array(LENGTH)]
  const adam = { stepSize: 1e-3, weightDecay: 0, shrink: 1, beta1: 0.9, gamma1: 0.1, beta2: 0.999, gamma2: 1e-3 }
  const adamFrom = { parameters: x[0], first, second }

  const table = [
    ['mean of 4', 5, (k) => k.mean(out, four)],
    ['mean of 3', 4, (k) => k.mean(out, x.slice(0, 3))],
    ['weighted mean of 4', 5, (k) => k.weightedMean(out, four, [1, 2, 3, 4])],
    ['median of 4', 5, (k) => k.median(out, four)],
    ['axpy', 3, (k) => k.axpy(out, 0.1, x[0])],
    ['squared distance', 2, (k) => k.squaredDistance(x[0], x[1])],
    ['first non-finite', 1, (k) => k.firstNonFinite(x[0])],
    ['f16 encode', 1.5, (k) => k.encodeF16(half, x[0])],
    ['f16 decode', 1.5, (k) => k.decodeF16(out, half)],
    ['acc += f16', 2.5, (k) => k.addF16(out, half)],
    ['bf16 encode', 1.5, (k) => k.encodeBF16(half, x[0])],
    ['int8 quantise', 1.25, (k) => k.quantiseInt8(int8, scales, x[0])],
    ['int8 dequantise', 1.25, (k) => k.dequantiseInt8(out, int8, scales)],
    ['sgd', 3, (k) => k.sgd(out, x[0], x[1], { learningRate: 0.1, weightDecay: 1e-4 })],
    [
      'adam',
      7,
      (k) => k.adam({ parameters: out, first, second }, adamFrom, x[1], { ...adam, correction: 1, epsilon: 1e-8 })
    ]
  ]
  if (inputs === 16) {
    table.push(['mean of 16', 17, (k) => k.mean(out, x)], ['median of 16', 17, (k) => k.median(out, x)])
  }
  return [
    { name: 'memory copy', vectors: 2, work: () => plain[1].set(plain[0]) },
    ...table.map(([name, vectors, call]) => ({
      name,
      vectors,
      work: () => call(simd),
      scalar: () => call(scalar)
    }))
  ]
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

/** Milliseconds of the second call: the first one compiles. */
function timed(work) {
  work()
  const started = performance.now()
  work()
  return performance.now() - started
}
