import { join } from 'node:path'
import {
  optionsToManifest,
  PeergradError,
  resolvePlugin,
  scaleSchedule,
  type Options,
  type Strategy
} from '@peergrad/core'
import { strategies } from '@peergrad/strategies'
import { checkComponents, createStrategy, type RunParts } from '../compose.js'
import { splitPlugins } from '../plugin-list.js'

/** One strategy of a comparison, and its run. */
export interface Entry {
  /** as it was asked for, `spirt:minibatches=4` */
  readonly text: string
  /** of the run, `out` included */
  readonly options: Options
  readonly directory: string
  /** what the run is made of, or why it cannot be */
  readonly parts: RunParts | PeergradError
}

export interface PlanInit {
  /** as `--strategies` has it; every strategy that exchanges when left out */
  readonly list?: string | undefined
  /** of every run, but for what a strategy needs otherwise */
  readonly options: Options
  /** of the comparison */
  readonly out: string
}

/**
 * The runs of a comparison. Errors: `unknown` for a strategy that is none, `argument` for a list that is none, and the
 * first reason when none of the runs can be.
 */
export async function planEntries({ list, options, out }: PlanInit): Promise<Entry[]> {
  const texts = list === undefined ? await exchanges() : splitStrategies(list)
  // a name that is none is a slip, and no strategy that does not fit
  for (const text of texts) resolvePlugin(strategies, text)
  const entries: Entry[] = []
  for (const text of texts) {
    const directory = join(out, directoryName(text))
    if (entries.some((other) => other.directory === directory)) {
      const message = `strategies: got "${text}" twice, or two that lie in ${directory}; expected each once`
      throw new PeergradError('duplicate', message)
    }
    entries.push({ text, directory, ...(await runOf({ ...options, strategy: text, out: directory })) })
  }
  const refusals = entries.map(({ parts }) => parts).filter((parts) => parts instanceof PeergradError)
  if (refusals[0] !== undefined && refusals.length === entries.length) throw refusals[0]
  return entries
}

/** As `--strategies` has them. Errors: those of `splitPlugins`. */
export function splitStrategies(list: string): string[] {
  return splitPlugins('strategies', list)
}

/** The built-in strategies that need a network. */
export async function exchanges(): Promise<string[]> {
  const names: string[] = []
  for (const name of strategies.entries.keys()) {
    const { kind } = await createStrategy(name, { minibatches: 1, every: 1 })
    if (kind === 'exchange') names.push(name)
  }
  return names
}

/** A name for files and URLs. */
function directoryName(text: string): string {
  const name = text.replace(/[^\w.-]+/g, '-').replace(/^[-.]+/, '')
  return name.slice(0, 80) || 'strategy'
}

/** The options under which a run is the same work as the others, and what it is made of. */
async function runOf(options: Options): Promise<Pick<Entry, 'options' | 'parts'>> {
  try {
    const own = sameWork(options, await createStrategy(options.strategy, options))
    return { options: own, parts: await checkComponents(optionsToManifest(own), own) }
  } catch (thrown) {
    return { options, parts: PeergradError.from(thrown) }
  }
}

/**
 * The options under which a strategy reads as many samples as every other, and is evaluated, and has its learning rate,
 * after as many: rounds are counted in synchronisations, of which one that takes more minibatches makes fewer, and a
 * schedule in optimiser steps. A run without exchange is of one peer. Errors: `argument` when the rounds are no whole
 * number, those of `parseSchedule`.
 */
function sameWork(options: Options, { kind, minibatches, steps = 1 }: Strategy): Options {
  const peers = kind === 'single' ? 1 : options.peers
  const [before, now] = [options.minibatches * options.every * options.peers, minibatches * peers]
  // of whole numbers: their quotient first would be rounded
  const rounds = (options.rounds * before) / now
  if (!Number.isInteger(rounds)) {
    const message = `rounds: got ${options.rounds} of ${options.minibatches * options.every} minibatches, but ${options.strategy} takes ${minibatches} in a round; expected rounds that come out whole, so that all read as many samples`
    throw new PeergradError('argument', message)
  }
  const every = options['evaluate-every']
  return {
    ...options,
    peers,
    'min-peers': kind === 'single' ? 0 : options['min-peers'],
    rounds,
    schedule: scaleSchedule(options.schedule, (before * steps) / (now * options.every)),
    'evaluate-every': every === 0 ? 0 : Math.max(1, Math.round((every * before) / now)),
    // a run that ended at its target would have nothing to compare after it
    'target-accuracy': 0
  }
}
