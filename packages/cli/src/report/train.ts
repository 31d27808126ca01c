import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import { EMPTY, reduce, type RunState } from '@peergrad/dashboard'
import { HistoryBuilder, thin } from '../compare/history.js'
import { readEvents } from '../events-file.js'
import type { RunResult } from '../outcome.js'
import type { PageInit } from '../output/page.js'
import { shellWord } from '../output/shell.js'
import { unfinished } from '../output/unfinished.js'
import { Tally } from '../tally.js'
import { runFigures } from './figures.js'
import { LastPart } from './last-part.js'
import { trainTables } from './train-tables.js'

/** Rounds that a curve has at most. */
const POINTS = 2000

/**
 * What the directory of a run says, whether or not it came to its end. Errors: those of `readEvents`, and `corrupt` for
 * a result that is none.
 */
export async function trainReport(directory: string): Promise<PageInit> {
  const file = join(directory, 'events.ndjson')
  const tally = new Tally()
  const history = new HistoryBuilder()
  const part = new LastPart()
  let state: RunState = EMPTY
  for await (const event of readEvents(file, { torn: true })) {
    tally.add(event)
    history.add(event)
    part.add(event)
    state = reduce(state, event)
  }
  const kept = await keptResult(join(directory, 'result.json'))
  const result = kept ?? tally.result()
  const { model, dataset, strategy, peers } = result
  const runFile = join(directory, 'run.yaml')
  return {
    title: `${model} on ${dataset}: ${strategy} among ${peers.length} peers`,
    command: existsSync(runFile)
      ? `peergrad train --run ${shellWord(runFile)}`
      : `peergrad report ${shellWord(directory)}`,
    made: `ended ${statSync(file).mtime.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    remarks: [
      ...(kept === undefined ? ['The run wrote no result: this is what its events tell up to where they end.'] : []),
      ...(kept === undefined || part.first === undefined
        ? []
        : [
            `The run went on after a stop: time, bytes and phases are of the last part, rounds ${part.first + 1}–${kept.rounds}; curves and contributions are of all.`
          ]),
      ...unfinished(peers).map((words) => `${words}.`),
      ...(result.agreed ? [] : ['The peers that finished do not hold the same parameters.'])
    ],
    figures: runFigures(strategy, thin(history.history, POINTS)),
    numbers: 'events.ndjson',
    tables: trainTables(result, state)
  }
}

async function keptResult(file: string): Promise<RunResult | undefined> {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(await readFile(file, 'utf8')) as RunResult
  } catch (cause) {
    throw new PeergradError(
      'corrupt',
      `${file}: is no result of a run; remove it to report from the events`,
      { file },
      { cause }
    )
  }
}
