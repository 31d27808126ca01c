import type { PluginReference } from '../contracts/plugin.js'
import { PeergradError } from '../errors.js'
import { replace } from '../replace.js'
import { said } from '../said.js'
import { isPromise, ofPlugin } from './calls.js'
import { withOptions } from './options-read.js'
import { pluginName } from './resolve.js'
import { checkPlugin, kindOf, type Plugins } from './shapes.js'
import { understandTypeScript } from './typescript.js'

/** Milliseconds that the module of a plug-in may take to be imported: it may wait for something that never comes. */
const PATIENCE = 30_000

type Factory = (options: PluginReference['options']) => unknown

const made = new Map<string, Promise<unknown>>()

/**
 * The plug-in that a reference names, made once in the life of a thread; what failed is tried again the next time.
 * Errors, each with a sentence that names the module: `missing` when it or what it imports is not there, `argument`
 * when it cannot be imported, its factory throws, or a member is missing or of another type; `unknown` when it has no
 * such export or option; `timeout` when its import does not end; the factory's own.
 */
export function loadPlugin<K extends keyof Plugins>(kind: K, reference: PluginReference): Promise<Plugins[K]> {
  const { module, export: exported, options } = reference
  const name = JSON.stringify([kind, module, exported, Object.entries(options).sort()])
  let plugin = made.get(name) as Promise<Plugins[K]> | undefined
  if (plugin === undefined) {
    plugin = loadFactory(kind, reference).then((make) => make())
    made.set(name, plugin)
    plugin.catch(() => made.delete(name))
  }
  return plugin
}

/** What makes the plug-in that a reference names, a new one at each call. Errors as those of `loadPlugin`. */
export async function loadFactory<K extends keyof Plugins>(
  kind: K,
  reference: PluginReference
): Promise<() => Plugins[K]> {
  const { module, export: exported, options } = reference
  const who = `${kind} ${pluginName(reference)}`
  const exports = await importModule(who, module)
  const factory = exports[exported]
  if (typeof factory !== 'function') {
    const has = Object.keys(exports).join(', ') || 'nothing'
    const wrong =
      factory === undefined
        ? `no function "${exported}", only ${has}`
        : `${kindOf(factory)} as "${exported}", expected a function that returns it`
    const message = `${who}: the module exports ${wrong}`
    throw new PeergradError('unknown', message, { plugin: who, export: exported })
  }
  return () => makePlugin(kind, who, factory as Factory, options)
}

/**
 * What a factory makes, if it is a plug-in of this kind. Errors: the factory's own; `argument` when it is none; `unknown` for an
 * option that it does not have.
 */
export function makePlugin<K extends keyof Plugins>(
  kind: K,
  who: string,
  factory: Factory,
  options: PluginReference['options']
): Plugins[K] {
  let plugin: unknown
  try {
    plugin = withOptions(kind, who, factory, options)
  } catch (thrown) {
    if (thrown instanceof PeergradError) throw thrown
    throw new PeergradError(
      'argument',
      `${who}: its factory threw: ${said(thrown)}`,
      { plugin: who },
      { cause: thrown }
    )
  }
  return ofPlugin(who, () => {
    if (isPromise(plugin)) {
      const message = `${who}: its factory makes a promise, expected the ${kind} itself; what it waits for, its module may await`
      throw new PeergradError('argument', message, { plugin: who })
    }
    checkPlugin(kind, `${who}: what its factory makes`, plugin)
    return answerable(kind, who, plugin)
  })
}

/** What plug-ins are asked by the way; their main work is called by those who say what is wrong with what it gives. */
const QUESTIONS: { readonly [K in keyof Plugins]?: readonly (keyof Plugins[K] & string)[] } = {
  strategy: ['traffic', 'refuses', 'retire', 'neighbours'],
  aggregator: ['check'],
  'pre-aggregator': ['check', 'count'],
  filter: ['significance'],
  codec: ['bytes']
}

/** Answers that must be of a kind; others are judged by those who ask. */
const CONDITION = {
  expected: 'undefined or a sentence',
  fits: (answer: unknown) => answer === undefined || (typeof answer === 'string' && answer !== '')
}
const ANSWERS: Readonly<Record<string, typeof CONDITION>> = {
  check: CONDITION,
  count: { expected: 'a whole number from 1', fits: (answer) => Number.isSafeInteger(answer) && Number(answer) >= 1 }
}

/** The plug-in; what it throws when it is asked something names it, and so does an answer that is none. */
function answerable<K extends keyof Plugins>(kind: K, who: string, plugin: Plugins[K]): Plugins[K] {
  const named: Partial<Record<string, (...given: unknown[]) => unknown>> = {}
  for (const question of QUESTIONS[kind] ?? []) {
    const ask: unknown = Reflect.get(plugin, question)
    if (typeof ask === 'function')
      named[question] = (...given) => {
        const answer = ofPlugin(who, () => Reflect.apply(ask, plugin, given) as unknown)
        if (ANSWERS[question]?.fits(answer) !== false) return answer
        const got = isPromise(answer) ? 'a promise' : kindOf(answer)
        const message = `${who}: ${question}(${given.join(', ')}) gave ${got}, expected ${ANSWERS[question].expected}`
        throw new PeergradError('argument', message, { plugin: who })
      }
  }
  return Object.keys(named).length === 0 ? plugin : replace(plugin, named as Partial<Plugins[K]>)
}

async function importModule(who: string, url: string): Promise<Readonly<Record<string, unknown>>> {
  understandTypeScript(url)
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const message = `${who}: its module did not end loading within ${PATIENCE / 1000} s`
    timer = setTimeout(() => reject(new PeergradError('timeout', message, { plugin: who })), PATIENCE)
  })
  try {
    return (await Promise.race([import(url), late])) as Readonly<Record<string, unknown>>
  } catch (thrown) {
    if (thrown instanceof PeergradError) throw thrown
    const gone = /MODULE_NOT_FOUND$/.test(String((thrown as { code?: unknown } | undefined)?.code))
    const message = `${who}: cannot be imported: ${said(thrown)}${placeOf(thrown)}`
    throw new PeergradError(gone ? 'missing' : 'argument', message, { plugin: who }, { cause: thrown })
  } finally {
    clearTimeout(timer)
  }
}

/** Where an import failed, as the end of a sentence: the first file and line of the stack, unless those are of this module. */
function placeOf(thrown: unknown): string {
  const stack = thrown instanceof Error ? String(thrown.stack) : ''
  const [, place = ''] = /^(?:.*[ (])?((?:file:\/\/)?\/[^():]*:\d+)(?::\d+)?\)?$/m.exec(stack) ?? []
  if (place === '' || place.startsWith(import.meta.url)) return ''
  const line = place.lastIndexOf(':')
  return ` (${pluginName({ module: place.slice(0, line), export: 'default', options: {} })}${place.slice(line)})`
}
