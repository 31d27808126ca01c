import { PeergradError } from '../errors.js'
import { suggestion } from './nearest.js'
import { checkNumber, rangeText, show, type Range } from './range.js'

/** Who reads an option: what concerns the run, or how one peer works on its machine. */
export type OptionGroup = 'run' | 'peer'

/** Plug-in kinds whose name an option holds. The registries are in other packages; the composition root looks them up. */
export type PluginKind =
  'strategy' | 'aggregator' | 'pre-aggregator' | 'filter' | 'codec' | 'model' | 'dataset' | 'partition' | 'store'

interface Facts<T> {
  readonly group: OptionGroup
  readonly describe: string
  readonly default: T
  /** what the default means, where the value alone does not say it */
  readonly defaultText?: string
  readonly unit?: string
  /** enters the RunManifest, so that all peers must give the same */
  readonly manifest?: boolean
}

/** One option: its word is its key in the table, on the command line as `--word` and in a run file alike. */
export interface Option<T> extends Facts<T> {
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'list'
  /** what stands for the value in help, e.g. FILE */
  readonly placeholder: string
  readonly plugin?: PluginKind
  /** what values are good, as a sentence about `word` */
  expects(word: string): string
  /** The value, typed and checked, from text or from what YAML made of it. Error `argument` says what was expected. */
  parse(word: string, raw: unknown): T
}

export function integer(facts: Facts<number> & Range): Option<number> {
  return {
    ...facts,
    type: 'integer',
    placeholder: 'N',
    expects: (word) => `integer, ${rangeText(word, facts)}`,
    parse: (word, raw) => checkNumber(word, raw, facts, true)
  }
}

export function number<T extends number | undefined>(facts: Facts<T> & Range): Option<number | T> {
  return {
    ...facts,
    type: 'number',
    placeholder: 'X',
    expects: (word) => rangeText(word, facts),
    parse: (word, raw) => checkNumber(word, raw, facts)
  }
}

export function boolean(facts: Facts<boolean>): Option<boolean> {
  return {
    ...facts,
    type: 'boolean',
    placeholder: '',
    expects: () => 'true or false',
    parse(word, raw) {
      if (raw === true || raw === 'true') return true
      if (raw === false || raw === 'false') return false
      throw new PeergradError('argument', `${word}: got ${show(raw)}, expected true or false`, { path: word })
    }
  }
}

export function text<T extends string | undefined>(
  facts: Facts<T> & { placeholder?: string; plugin?: PluginKind }
): Option<string | T> {
  return {
    ...facts,
    type: 'text',
    placeholder: facts.placeholder ?? 'NAME',
    expects: () => (facts.plugin === undefined ? 'text' : 'a name, or a module path'),
    parse: word
  }
}

export function choice<T extends string>(facts: Facts<T> & { choices: readonly T[] }): Option<T> {
  return {
    ...facts,
    type: 'text',
    placeholder: 'NAME',
    expects: () => `one of ${facts.choices.join(', ')}`,
    parse(path, raw) {
      const found = facts.choices.find((known) => known === raw)
      if (found !== undefined) return found
      const hint = typeof raw === 'string' ? suggestion(raw, facts.choices) : ''
      const message = `${path}: got ${show(raw)}, ${hint}expected one of ${facts.choices.join(', ')}`
      throw new PeergradError(typeof raw === 'string' ? 'unknown' : 'argument', message, { path })
    }
  }
}

/** Several values: the flag again for each, or a list in a run file. */
export function list(
  facts: Omit<Facts<readonly string[]>, 'default'> & { placeholder: string; plugin?: PluginKind }
): Option<readonly string[]> {
  return {
    ...facts,
    default: [],
    type: 'list',
    expects: () => 'any number of them: repeat the flag, or write a list in a run file',
    parse: (path, raw) => (Array.isArray(raw) ? raw : [raw]).map((each: unknown) => word(path, each))
  }
}

function word(path: string, raw: unknown): string {
  if (typeof raw === 'string' && raw !== '') return raw
  throw new PeergradError('argument', `${path}: got ${show(raw)}, expected one word or path`, { path })
}
