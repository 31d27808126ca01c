import { PeergradError } from '../errors.js'
import { suggestion } from './nearest.js'
import type { Option } from './option.js'
import { isOptionName, OPTIONS, OPTION_NAMES, type OptionName, type Options } from './table.js'

export interface OptionSources {
  /** from the command line, by word; values as text. What was not given is absent or undefined. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** a run file's values; `name` stands in front of messages about it */
  readonly file?: { readonly name: string; readonly values: unknown }
}

export interface ResolvedOptions {
  readonly options: Options
  /** what was given, by flag or file; the rest are defaults */
  readonly given: ReadonlySet<OptionName>
}

/**
 * Flag over file over default. Errors: `unknown` for a word that is no option (with the nearest that is), `argument`
 * for a value out of its range.
 */
export function resolveOptions(sources: OptionSources): ResolvedOptions {
  const given = new Map<OptionName, unknown>()
  if (sources.file !== undefined) {
    const { name, values } = sources.file
    for (const [word, value] of within(name, () => readWords(values))) given.set(word, value)
  }
  for (const [word, value] of readWords(sources.flags ?? {}, '--')) given.set(word, value)
  const values: Record<string, unknown> = {}
  for (const word of OPTION_NAMES) values[word] = given.has(word) ? given.get(word) : OPTIONS[word].default
  const options = values as Options
  checkTogether(options, given)
  return { options, given: new Set(given.keys()) }
}

function readWords(values: unknown, dashes = ''): Map<OptionName, unknown> {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new PeergradError('argument', 'expected options, one a line, as in "strategy: spirt"')
  }
  const words = new Map<OptionName, unknown>()
  for (const [word, raw] of Object.entries(values)) {
    if (raw === undefined) continue
    if (!isOptionName(word)) throw unknownOption(word, dashes)
    const option: Option<unknown> = OPTIONS[word]
    if (Array.isArray(raw) && option.type !== 'list') {
      throw new PeergradError('argument', `${dashes}${word}: got ${raw.length} values, expected one`, { path: word })
    }
    words.set(word, option.parse(word, raw))
  }
  return words
}

/** What to say of a word that is no option; `words` are those that would be good here. */
export function unknownOption(word: string, dashes = '--', words: Iterable<string> = OPTION_NAMES): PeergradError {
  const all = [...words]
  const hint = suggestion(word, all).replace('"', `"${dashes}`)
  const message = `${dashes}${word}: no such option; ${hint}expected one of ${all.map((each) => dashes + each).join(' ')}`
  return new PeergradError('unknown', message, { path: word })
}

/** What no option can check alone. */
function checkTogether(options: Options, given: ReadonlyMap<OptionName, unknown>): void {
  if (options['min-peers'] > options.peers) {
    const message = `min-peers: got ${options['min-peers']}, expected min-peers ≤ peers, which is ${options.peers}`
    throw new PeergradError('argument', message, { path: 'min-peers' })
  }
  const listed = options.admission === 'allow-list' || options.admission === 'invitation'
  if (options.allow.length > 0 && !listed) {
    const message = `allow: got peers with admission ${options.admission}, expected admission allow-list or invitation`
    throw new PeergradError('argument', message, { path: 'allow' })
  }
  if (options.admission === 'allow-list' && options.allow.length === 0) {
    const message = 'admission: got allow-list without a list, expected the peers that may take part, with allow'
    throw new PeergradError('argument', message, { path: 'admission' })
  }
  if (given.has('port') && options.listen.length > 0) {
    throw new PeergradError(
      'argument',
      'port: got --listen as well, expected one of them: --port 4001 listens on every interface'
    )
  }
}

function within<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    throw new PeergradError(error.code, `${name}: ${error.message}`, { ...error.data, file: name }, { cause: thrown })
  }
}
