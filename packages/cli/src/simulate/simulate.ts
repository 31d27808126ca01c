import { join } from 'node:path'
import { optionsToManifest, PeergradError, type Options, type RunManifest } from '@peergrad/core'
import { exchanges, splitStrategies } from '../compare/entries.js'
import { checkComponents } from '../compose.js'
import { EXIT } from '../exit-codes.js'
import { directory, writeWhole } from '../files.js'
import { print, printJson, say } from '../output/print.js'
import { bytes, seconds, whole } from '../output/units.js'
import { interrupts } from '../signals.js'
import type { LinkPlan } from './links.js'
import type { Measurement } from './measurement.js'
import { csvTable, markdownTable, secondsPerRound, terminalTable } from './table.js'
import type { Progress } from './run.js'
import { measureInThread } from './thread.js'
import type { Task } from './worker.js'

export interface SimulateInit {
  readonly options: Options
  /** as `--strategies` has it; all that exchange unless given */
  readonly list?: string
  /** numbers of peers */
  readonly peers: readonly number[]
  readonly rounds: number
  readonly links: LinkPlan
  readonly floats: number
  readonly compute: number
  readonly json: boolean
}

/** Milliseconds between two lines about a run that takes long. */
const LINE = 5000

/**
 * Every strategy with every number of peers, one run after the other; what comes out so far is kept in --out. A signal to
 * end gives up the run in hand, and those that are over are shown. Resolves to the exit code.
 */
export async function simulate(init: SimulateInit): Promise<number> {
  const interrupt = interrupts(() => process.exit(EXIT.interrupted.code))
  try {
    return await simulateAll(init, interrupt.signal)
  } finally {
    interrupt.close()
  }
}

async function simulateAll(init: SimulateInit, signal: AbortSignal): Promise<number> {
  const { options, links, floats, compute, rounds, json } = init
  const strategies = init.list === undefined ? await exchanges() : splitStrategies(init.list)
  const tasks = strategies.flatMap((strategy) =>
    init.peers.map((peers): Task => {
      const manifest = simulatedManifest({ ...options, strategy, peers }, rounds)
      return { manifest, options, links, floats, compute }
    })
  )
  // what is wrong is said before anything is started
  for (const { manifest } of tasks) await checkComponents(manifest, options)
  const out = options.out === undefined ? undefined : directory(options.out)
  const runs: Measurement[] = []
  const document = { seed: options.seed, rounds, modelFloats: floats, computeMilliseconds: compute, links, runs }
  for (const task of tasks) {
    const measurement = await measured(task, signal)
    if (measurement === undefined) break
    runs.push(measurement)
    if (out === undefined) continue
    writeWhole(join(out, 'simulate.json'), `${JSON.stringify(document, null, 2)}\n`)
    writeWhole(join(out, 'simulate.md'), markdownTable(runs))
    writeWhole(join(out, 'simulate.csv'), csvTable(runs))
  }
  if (json) printJson(document)
  else if (runs.length > 0) print(terminalTable(runs))
  if (out !== undefined && runs.length > 0) say(`simulate.json, simulate.md and simulate.csv in ${out}`)
  if (runs.length === tasks.length) return EXIT.ok.code
  say(`peergrad: ${PeergradError.from(signal.reason).message}; ${runs.length} of ${tasks.length} runs are in the table`)
  return EXIT.interrupted.code
}

/** A run without data: its model is a bowl, whose gradients cost no time but the virtual one. */
export function simulatedManifest(options: Options, rounds: number): RunManifest {
  return {
    ...optionsToManifest(options),
    optimiser: { name: 'sgd', learningRate: 0.1 },
    batch: 1,
    minibatches: 1,
    rounds
  }
}

/** Undefined when the signal aborts. */
async function measured(task: Task, signal: AbortSignal): Promise<Measurement | undefined> {
  if (signal.aborted) return undefined
  const { strategy, peers, rounds } = task.manifest
  const name = `${strategy}, ${whole(peers)} peers`
  const start = performance.now()
  let said = start
  const onProgress = ({ round, seconds: virtual, events }: Progress) => {
    if (performance.now() - said < LINE) return
    said = performance.now()
    say(`${name}: ${round} of ${rounds} rounds, ${virtual.toFixed(3)} virtual s, ${whole(events)} events`)
  }
  const measurement = await measureInThread(task, { onProgress, signal }).catch((thrown: unknown) => {
    if (signal.aborted) return undefined
    throw thrown
  })
  if (measurement === undefined) return undefined
  const each = `${secondsPerRound(measurement).toPrecision(4)} s and ${bytes(Math.round(measurement.bytes.median))}`
  say(`${name}: ${each} a round (simulated in ${seconds((performance.now() - start) / 1000)})`)
  return measurement
}
