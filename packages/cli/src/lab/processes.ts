import { createReadStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parsePlugin, PeergradError, type RunEvent } from '@peergrad/core'
import { loadDataset } from '@peergrad/engine'
import { peerOfKey } from '@peergrad/peer'
import { attacks } from '../attack/registry.js'
import { cacheDirectory } from '../compose.js'
import { directory } from '../files.js'
import { fileError } from '../machine-error.js'
import { say } from '../output/print.js'
import type { Stops } from '../train/interruptible.js'
import { keyFile, train, type Trained } from '../train/train.js'
import { hostileIn, type Cell, type CellPlan } from './cells.js'
import { checkMeaning } from './meaning.js'
import { Observer } from './observer.js'
import type { Outcome } from './outcome.js'

export interface ProcessesInit {
  readonly cell: Cell
  readonly plan: CellPlan
  /** the program that a peer is, `bin/peergrad.js` */
  readonly program: string
  readonly stops: Stops
}

/**
 * One run of a grid over real processes, as `train` starts them; hostile peers are told so by flags. They start last, so
 * that they have the last ranks. Errors: what ends a run before its first round.
 */
export async function runProcesses({ cell, plan, program, stops }: ProcessesInit): Promise<Outcome> {
  const { options, directory: own } = cell
  const start = performance.now()
  const { attack } = plan
  const users = attack !== undefined && !attacks.entries.has(parsePlugin(attack.text).name)
  const hostile = await hostileFlags(cell, plan)
  const trained = await train({ options, program, hostile, ...(users && { attack: attack.attack.name }) }, stops)
  stops.signal.throwIfAborted()
  const ended = endedBy(trained, hostileIn(cell, plan))
  checkMeaning({ ended, hostile: trained.hostileErrors }, plan)
  const loading = { cacheDirectory: cacheDirectory(options), report: say }
  const { classes } = await loadDataset(options.dataset, loading)
  const byzantine = hostileIn(cell, plan)
  const { parts, manifest } = plan
  const { deadline } = manifest
  const observer = new Observer({ strategy: parts.strategy, byzantine, deadline, chance: 1 / classes })
  await observe(join(own, 'events.ndjson'), observer)
  return observer.outcome({ ended, seconds: (performance.now() - start) / 1000 })
}

/** What hostile peers are told, by number. Their keys are made here, so that each knows who the others are. */
async function hostileFlags(
  { options, byzantine, directory: own, schedule }: Cell,
  { attack }: CellPlan
): Promise<ReadonlyMap<number, readonly string[]>> {
  if (attack === undefined) return new Map()
  const numbers = Array.from({ length: byzantine }, (_, index) => options.peers - byzantine + index)
  const ids = await Promise.all(
    numbers.map((number) => {
      const file = keyFile(own, number)
      directory(dirname(file))
      return peerOfKey(file)
    })
  )
  const flags = [`--attack=${attack.text}`, ...(schedule === null ? [] : [`--attack-schedule=${schedule}`])]
  return new Map(
    numbers.map((number, index) => {
      const accomplices = ids.filter((_, other) => other !== index)
      return [number, accomplices.length === 0 ? flags : [...flags, `--accomplices=${accomplices.join(',')}`]]
    })
  )
}

/** The first error of an honest peer, when not all of them got to the end. */
function endedBy({ result, errors }: Trained, byzantine: number): PeergradError | undefined {
  const honest = result.peers.slice(0, result.peers.length - byzantine)
  return honest.every(({ status }) => status === 'finished') ? undefined : errors[0]
}

async function observe(file: string, observer: Observer): Promise<void> {
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity }))
      observer.add(JSON.parse(line) as RunEvent)
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw fileError(file, thrown)
    throw new PeergradError('corrupt', `${file}: has a line that is no event`, { file }, { cause: thrown })
  }
}
