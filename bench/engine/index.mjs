/**
 * One gradient (forward, cross-entropy, backward) at batch 32 of 32 × 32 × 3 on the `wasm` engine with one worker, and
 * on `tensorflow` with one thread where it is installed, beside PyTorch on one thread: interleaved steps, medians.
 * Without a python3 that has torch, our times alone.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Arena } from '@peergrad/core'
import { createEngine, engines, loadDataset } from '@peergrad/engine'
import { machine } from '../machine.mjs'

const BATCH = 32
const SIDE = 32
const CHANNELS = 3
/** The one that is asked for, and Debian's, where another stands before it. */
const PYTHONS = ['python3', '/usr/bin/python3']
/** steps, and the largest ratio to PyTorch that we aim at */
const MODELS = [
  { name: 'cnn', steps: 40, aim: 1.5 },
  { name: 'mobilenet', steps: 15, aim: 3 },
  { name: 'resnet18', steps: 7, aim: 4 }
]

export async function run({ quick = false } = {}) {
  // read by TensorFlow when it is loaded
  process.env.TF_NUM_INTRAOP_THREADS = '1'
  const backends = ['wasm', 'tensorflow'].filter((name) => engines().find((engine) => engine.name === name)?.available)
  const rows = []
  for (const backend of backends) {
    for (const model of MODELS) rows.push(await measure(backend, model, quick ? 1 : model.steps, quick ? 0 : 8))
  }
  const torch = rows.find((row) => row.torch !== undefined)?.torch
  const text = report(rows, torch)
  process.stdout.write(text)
  if (!quick) writeFileSync(join(import.meta.dirname, '..', 'results', 'engine.md'), text)
}

/** Medians over `steps` steps of each side in turn, after `warm` that let V8's optimising compiler finish. */
async function measure(backend, { name, aim }, steps, warm) {
  const arena = Arena.create({ bytes: 256 * 2 ** 20 })
  const dataset = await loadDataset(`synthetic:train=${BATCH},side=${SIDE},channels=${CHANNELS}`, {
    cacheDirectory: 'unused'
  })
  const engine = await createEngine({ backend, model: name, dataset, arena, workers: 1 })
  const torch = await startTorch(name)
  try {
    const { parameters, buffers } = engine.layout
    const state = arena.allocate(parameters + buffers)
    const into = arena.allocate(parameters + buffers)
    await engine.initialise(1, state)
    const samples = Uint32Array.from({ length: BATCH }, (_, i) => i)
    const ours = []
    const theirs = []
    let loss = 0
    for (let step = -warm; step < steps; step++) {
      const result = await engine.gradient({ state, minibatch: { samples, seed: 1 }, into })
      loss = result.loss
      const other = await torch?.step()
      if (step < 0) continue
      ours.push(result.milliseconds)
      if (other !== undefined) theirs.push(other.milliseconds)
    }
    if (torch !== undefined && torch.parameters !== parameters) {
      throw new Error(`${name} has ${parameters} parameters here and ${torch.parameters} in PyTorch`)
    }
    return { backend, name, aim, parameters, loss, ours: median(ours), theirs: median(theirs), torch: torch?.version }
  } finally {
    torch?.stop()
    await engine.close()
  }
}

/** PyTorch in a process of its own that makes one step for each line; undefined where there is none. */
async function startTorch(model) {
  for (const python of PYTHONS) {
    const torch = await startTorchWith(python, model)
    if (torch !== undefined) return torch
  }
  return undefined
}

async function startTorchWith(python, model) {
  const child = spawn(python, [join(import.meta.dirname, 'torch-step.py'), model, String(BATCH)], {
    stdio: ['pipe', 'pipe', 'ignore']
  })
  child.on('error', () => child.stdout.destroy())
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { done, value } = await lines.next().catch(() => ({ done: true }))
    return done ? undefined : JSON.parse(value)
  }
  const ready = await next()
  if (ready === undefined) return undefined
  return {
    parameters: ready.parameters,
    version: ready.torch,
    step() {
      child.stdin.write('\n')
      return next()
    },
    stop: () => child.stdin.end()
  }
}

function report(rows, torch) {
  const lines = rows.map(({ backend, name, parameters, ours, theirs, loss, aim }) => {
    const [other, ratio] = Number.isNaN(theirs) ? ['', ''] : [theirs.toFixed(1), (ours / theirs).toFixed(2)]
    return `| ${backend} | ${name} | ${parameters} | ${ours.toFixed(1)} | ${other} | ${ratio} | ≤ ${aim} | ${loss.toFixed(4)} |`
  })
  return [
    '# Training engine',
    '',
    `One gradient at batch ${BATCH} of ${SIDE} × ${SIDE} × ${CHANNELS} on one worker of one thread, beside PyTorch on one ` +
      'thread; interleaved steps, medians. "ratio" is our time over theirs in the same run, "aim" the largest that ' +
      'we accept, "loss" ours on seeded images.',
    ...(torch === undefined ? ['', 'No python3 with torch on this machine: our times alone.'] : []),
    '',
    '| engine | model | parameters | ms | PyTorch, ms | ratio | aim | loss |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
    machine(...versions(torch)),
    ''
  ].join('\n')
}

function median(values) {
  return values.length === 0 ? NaN : values.toSorted((a, b) => a - b)[values.length >> 1]
}

function versions(torch) {
  const require = createRequire(createRequire(import.meta.url).resolve('@peergrad/engine'))
  const tfjs = require('@tensorflow/tfjs-core').version_core
  return [`tfjs ${tfjs}`, ...(torch === undefined ? [] : [`PyTorch ${torch}`])]
}
