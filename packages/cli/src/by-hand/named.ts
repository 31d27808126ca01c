import {
  isBuiltIn,
  loadPlugin,
  parsePlugin,
  PeergradError,
  resolvePlugin,
  shown,
  suggestion,
  type PluginReference,
  type Plugins,
  type Registry
} from '@peergrad/core'
import type { Parameters } from './document.js'

/** What a plug-in of another library is here. */
interface Alias {
  readonly name: string
  /** its defaults, in our words */
  readonly options: Parameters
  /** all that it takes, in its own words where it has any */
  readonly takes: readonly string[]
  /** its parameters that have another name here */
  readonly words?: Readonly<Record<string, string>>
}

export type Aliases = Readonly<Record<string, Alias>>

/** What may be named in one place of a document. */
export interface Shelf<K extends keyof Plugins> {
  readonly kind: K
  readonly registry: Registry
  readonly aliases: Aliases
  /** names that belong somewhere else, and what is said of them */
  readonly elsewhere?: { readonly registry: Registry; readonly aliases: Aliases; readonly hint: string }
}

/** A plug-in, what it was made of, and how messages call it when it is a user's. */
export interface Step<T> {
  readonly plugin: T
  readonly reference: PluginReference
  readonly by: string | undefined
}

/**
 * The plug-in that a text names, by our name or the other library's, with parameters in the words of either; `path` goes before
 * `rule` and `params` in messages. Errors, besides those of `loadPlugin`: `unknown` for a name or a parameter that is none, with
 * the nearest of both libraries; `argument` for one that is given twice.
 */
export async function loadNamed<K extends 'aggregator' | 'pre-aggregator' | 'attack'>(
  { kind, registry: ours, aliases, elsewhere }: Shelf<K>,
  text: string,
  given: Parameters,
  path = ''
): Promise<Step<Plugins[K]>> {
  const { name, options: behind } = parsePlugin(text)
  const twice = Object.keys(behind).find((word) => Object.hasOwn(given, word))
  if (twice !== undefined) {
    const message = `${path}params.${twice}: got ${shown(given[twice])} beside "${text}"; leave one of them out`
    throw new PeergradError('argument', message)
  }
  const registry = withAliases(ours, aliases, name)
  if (elsewhere !== undefined && !isBuiltIn(registry, name)) {
    const { hint } = elsewhere
    if (isBuiltIn(withAliases(elsewhere.registry, elsewhere.aliases, name), name))
      throw new PeergradError('unknown', `${path}rule: got "${name}", ${hint}`, { name })
  }
  const found = resolvePlugin(registry, name)
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined
  const parameters = { ...behind, ...given }
  const options = alias === undefined ? parameters : translated(name, alias, parameters)
  const reference = { ...found, options: { ...found.options, ...options } }
  try {
    const plugin = await loadPlugin(kind, reference)
    return { plugin, reference, by: isBuiltIn(registry, name) ? undefined : `${kind} ${plugin.name}` }
  } catch (thrown) {
    throw alias === undefined ? thrown : inItsWords(thrown, name, alias, parameters)
  }
}

/** Of equally near names the nearest is the first: ByzFL's begin with a capital. */
function withAliases({ kind, entries }: Registry, aliases: Aliases, name: string): Registry {
  const theirs = Object.entries(aliases).flatMap(([each, { name: ours, options }]) => {
    const entry = entries.get(ours)
    if (entry === undefined) return []
    return [[each, { ...entry, reference: { ...entry.reference, options } }] as const]
  })
  return { kind, entries: new Map(/^[A-Z]/.test(name) ? [...theirs, ...entries] : [...entries, ...theirs]) }
}

/** Parameters in our words. */
function translated(name: string, { takes, words = {} }: Alias, parameters: Parameters): Parameters {
  const ours = Object.values(words)
  const stray = Object.keys(parameters).find((word) => !takes.includes(word) && !ours.includes(word))
  if (stray !== undefined) {
    const expected = takes.length > 0 ? `${suggestion(stray, takes)}expected one of ${takes.join(', ')}` : 'it has none'
    throw new PeergradError('unknown', `${name}: got the parameter "${stray}", ${expected}`, { option: stray })
  }
  const twice = Object.entries(words).find((pair) => pair.every((word) => Object.hasOwn(parameters, word)))
  if (twice !== undefined) {
    const message = `params: got ${twice.join(' and ')}, which are the same for ${name}; leave one of them out`
    throw new PeergradError('argument', message)
  }
  return Object.fromEntries(Object.entries(parameters).map(([word, value]) => [words[word] ?? word, value]))
}

/** An error about a number, `OURS.option: got …`, by the names that the document has for both. */
function inItsWords(thrown: unknown, name: string, { name: ours, words = {} }: Alias, given: Parameters): unknown {
  const path = thrown instanceof PeergradError ? thrown.data['path'] : undefined
  if (!(thrown instanceof PeergradError) || typeof path !== 'string' || !path.startsWith(`${ours}.`)) return thrown
  const option = path.slice(ours.length + 1)
  const [word = option] = Object.keys(words).filter((each) => words[each] === option && Object.hasOwn(given, each))
  const message = thrown.message.replace(path, `${name}.${word}`).replaceAll(new RegExp(`\\b${option}\\b`, 'g'), word)
  return new PeergradError(thrown.code, message, { path: `${name}.${word}` }, { cause: thrown })
}
