import { PeergradError, type Options } from '@peergrad/core'
import { loadDataset } from '@peergrad/engine'
import { cacheDirectory } from '../compose.js'
import { EXIT, exitCodeOf } from '../exit-codes.js'
import { writableDirectory } from '../files.js'
import { holdOut } from '../out.js'
import { print, printJson, say } from '../output/print.js'
import { percent, seconds } from '../output/units.js'
import { isWhole } from '../outcome.js'
import { interruptible } from '../train/interruptible.js'
import { train, type Trained } from '../train/train.js'
import { comparisonOf, type Compared } from './comparison.js'
import { planEntries, type Entry } from './entries.js'
import { isKept, modulesOf, removeRun, writeModules } from './kept.js'
import { measure } from './measure.js'
import { terminal, writeReport } from './report.js'

export interface CompareInit {
  readonly options: Options
  /** as `--strategies` has it */
  readonly list: string | undefined
  /** run what is there again */
  readonly fresh: boolean
  readonly json: boolean
  /** the program that a peer is, `bin/peergrad.js` */
  readonly program: string
}

/** `peergrad compare`: resolves to the exit code once no process is left. */
export async function compareHere(init: CompareInit): Promise<number> {
  const held = await holdOut(init.options.out, 'compare')
  try {
    return await compareIn(held.path, init)
  } finally {
    await held.close()
  }
}

async function compareIn(out: string, { options, list, fresh, json, program }: CompareInit): Promise<number> {
  const entries = await planEntries({ list, options, out })
  const kept = new Set<Entry>()
  for (const entry of entries) {
    if (!fresh && !(entry.parts instanceof PeergradError) && (await isKept(entry))) kept.add(entry)
  }
  return interruptible(async (stops) => {
    const { dataset, stream } = options
    const loading = { cacheDirectory: cacheDirectory(options), stream, report: say, signal: stops.signal }
    const { count: trainSamples } = (await loadDataset(dataset, loading)).train
    // said once, and not for each strategy
    writableDirectory(out)
    say(`peergrad: compares ${entries.map(({ text }) => text).join(', ')}; files in ${out}`)
    const rows = await compareAll({
      entries,
      kept,
      trainSamples,
      targetAccuracy: options['target-accuracy'],
      signal: stops.signal,
      train: (entry) => train({ options: entry.options, program }, stops),
      onRow: (done) => writeReport(out, comparisonOf(options, done))
    })
    const comparison = comparisonOf(options, rows)
    if (json) printJson(comparison)
    else print(`\n${terminal(comparison)}\n  compare.html, .md, .csv, .json and a directory for each run in ${out}\n`)
    return stops.signal.aborted ? EXIT.interrupted.code : exitCode(rows)
  })
}

export interface CompareAllInit {
  readonly entries: readonly Entry[]
  /** whose runs are there already */
  readonly kept: ReadonlySet<Entry>
  readonly trainSamples: number
  /** 0: none */
  readonly targetAccuracy: number
  /** aborts to stop the run in hand and to start no other */
  readonly signal: AbortSignal
  readonly train: (entry: Entry) => Promise<Trained>
  /** after each row, with all so far */
  readonly onRow: (rows: readonly Compared[]) => void
}

/** Runs one after the other what is not there. One that fails is a row that says why. */
export async function compareAll({ entries, ...init }: CompareAllInit): Promise<Compared[]> {
  const rows: Compared[] = []
  for (const entry of entries) {
    const row = await compareOne(entry, init)
    if (row.status === 'finished')
      say(`peergrad: ${row.strategy}: accuracy ${percent(row.accuracy)} after ${seconds(row.seconds)}`)
    if (row.status === 'failed') say(`peergrad: ${row.strategy} failed: ${row.reason}`)
    rows.push(row)
    init.onRow(rows)
  }
  return rows
}

async function compareOne(entry: Entry, init: Omit<CompareAllInit, 'entries' | 'onRow'>): Promise<Compared> {
  const { kept, signal, trainSamples, targetAccuracy } = init
  const { text, directory, parts } = entry
  const about = { strategy: text, directory }
  try {
    if (parts instanceof PeergradError) throw parts
    if (kept.has(entry)) say(`peergrad: ${text} is in ${directory} already`)
    else {
      if (signal.aborted) return { ...about, status: 'stopped' }
      removeRun(directory)
      const modules = modulesOf(entry.options)
      const trained = await init.train(entry)
      if (signal.aborted) return { ...about, status: 'stopped' }
      checkTrained(trained)
      writeModules(directory, modules)
    }
    return { ...about, status: 'finished', ...(await measure({ entry, parts, trainSamples, targetAccuracy })) }
  } catch (thrown) {
    const { code, message } = PeergradError.from(thrown)
    if (code === 'aborted' && signal.aborted) return { ...about, status: 'stopped' }
    return { ...about, status: 'failed', code, reason: message }
  }
}

/** Errors: what ended the run, and `conflict` when its peers do not hold the same model. */
function checkTrained({ result, errors, unwritten }: Trained): void {
  if (unwritten !== undefined) throw unwritten
  if (!isWhole(result)) {
    const what = result.evaluated ? 'no peer went on to the end of the run' : 'nobody evaluated the last model'
    throw errors[0] ?? new PeergradError('quorum', what)
  }
  if (!result.agreed) throw new PeergradError('conflict', 'the peers do not hold the same parameters')
}

function exitCode(rows: readonly Compared[]): number {
  const failed = rows.find((row) => row.status === 'failed')
  if (failed === undefined) return EXIT.ok.code
  return failed.code === 'conflict' ? EXIT.disagree.code : exitCodeOf(new PeergradError(failed.code, failed.reason))
}
