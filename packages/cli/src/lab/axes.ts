import { isOptionName, OPTION_NAMES, OPTIONS, PeergradError, suggestion, type OptionName } from '@peergrad/core'
import { splitPlugins } from '../plugin-list.js'
import { chainOf, chainsOf } from './chains.js'

/** What a grid has beside the options of a run. */
const OWN_WORDS = ['attack', 'attack-schedule', 'byzantine', 'declared', 'honest'] as const

/** One word of a grid with the values that it takes; most have one. */
export interface Axis {
  readonly word: string
  readonly values: readonly unknown[]
}

/** What one cell of a grid has of each word. */
export type Settings = Readonly<Record<string, unknown>>

/** Flags that hold a list, and the words that they are axes of. */
const LISTS = {
  strategies: 'strategy',
  aggregators: 'aggregator',
  'pre-aggregators': 'pre-aggregator',
  attacks: 'attack',
  byzantine: 'byzantine',
  declared: 'declared',
  partitions: 'partition',
  seeds: 'seed'
} as const

/** Those of numbers. */
const NUMBERS = ['byzantine', 'declared', 'seeds']

/** What is run when nobody says otherwise. */
const DEFAULTS: Settings = {
  strategy: 'spirt',
  aggregator: ['mean', 'median'],
  'pre-aggregator': [],
  attack: ['none', 'sign-flip'],
  byzantine: 1,
  partition: 'iid',
  seed: 1
}

/**
 * The axes of a grid as a YAML file says it, where a list is an axis: `byzantine: [1, 2]` is two cells for each of the
 * others. A chain of pre-aggregators is a list itself, and so are the peers of `allow`. Flags go before the file, and both before
 * what `preset` says. Errors: `unknown` for a word that is none, `argument` for an empty axis and for NaN or Infinity in one.
 */
export function readAxes(file: Settings, flags: Settings, preset: Settings = {}): Axis[] {
  const given = { ...file, ...wordsOf(flags) }
  const { peers: _peers, ...others } = preset
  // the peers of a preset are not the user's
  const words = { ...DEFAULTS, ...('honest' in given ? others : preset), ...given }
  return Object.entries(words).map(([word, raw]) => {
    checkWord(word)
    const values = valuesOf(word, raw)
    if (values.length === 0) {
      throw new PeergradError('argument', `${word}: got an empty list, expected a value at least`, { path: word })
    }
    const stray = values.find((value) => typeof value === 'number' && !Number.isFinite(value))
    if (stray === undefined) return { word, values }
    throw new PeergradError('argument', `${word}: got ${String(stray)}, expected a finite value`, { path: word })
  })
}

/** Every cell: one value of each axis, the last axis going round fastest. */
export function cellsOf(axes: readonly Axis[]): Settings[] {
  return axes.reduce<Settings[]>(
    (cells, { word, values }) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [word]: value }))),
    [{}]
  )
}

/** The words of a grid that flags say, with their values. */
export function wordsOf(flags: Settings): Settings {
  const words: Record<string, unknown> = {}
  for (const [flag, value] of Object.entries(flags)) {
    if (value === undefined) continue
    if (!Object.hasOwn(LISTS, flag)) words[flag] = value
    else words[LISTS[flag as keyof typeof LISTS]] = splitFlag(flag, String(value))
  }
  return words
}

/** `--pre-aggregators none,clipping:c=2+nnm` are two chains. */
function splitFlag(flag: string, value: string): unknown[] {
  const texts = splitPlugins(flag, value, NUMBERS.includes(flag) ? 'a number' : 'a name')
  if (flag !== 'pre-aggregators') return texts
  return texts.map(chainOf)
}

function valuesOf(word: string, raw: unknown): readonly unknown[] {
  if (word === 'pre-aggregator') return chainsOf(raw)
  if (!Array.isArray(raw)) return [raw]
  const values: readonly unknown[] = raw
  const list = isOptionName(word) && OPTIONS[word].type === 'list'
  return list && !values.some(Array.isArray) ? [values] : values
}

function checkWord(word: string): void {
  const known = OWN_WORDS.some((own) => own === word) || (isOptionName(word) && isOfRun(word))
  if (known) return
  if (word === 'f') {
    const message = `${word}: no word of a grid; what ByzFL calls f is byzantine here, how many peers are hostile, and declared where rules are told another number`
    throw new PeergradError('unknown', message, { path: word })
  }
  if (word === 'target-accuracy') {
    const message = `${word}: no word of a grid, whose cells run all their rounds; leave it out`
    throw new PeergradError('unknown', message, { path: word })
  }
  const words = [...OWN_WORDS, ...OPTION_NAMES.filter(isOfRun)]
  const message = `${word}: no such word of a grid; ${suggestion(word, words)}expected one of ${words.join(', ')}`
  throw new PeergradError('unknown', message, { path: word })
}

/** A cell goes on to its last round, so it has no target. */
function isOfRun(word: OptionName): boolean {
  if (word === 'target-accuracy') return false
  return (
    OPTIONS[word].group === 'run' || ['engine-workers', 'memory', 'redis-url', 'data-dir', 'log-level'].includes(word)
  )
}
