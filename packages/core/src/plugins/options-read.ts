import type { PluginReference } from '../contracts/plugin.js'
import { PeergradError } from '../errors.js'
import { suggestion } from '../options/nearest.js'

type Options = PluginReference['options']

/** What a run gives every strategy, whether it has such options or not. */
const OF_THE_RUN = ['minibatches', 'every']

/** A function without parameters; one whose parameters have defaults has none by its `length` either. */
const WITHOUT_PARAMETERS = /^(?:function\s*[\w$]*)?\s*\(\s*\)/
/** Where a function reads what it is given nevertheless, or hides what it is. */
const BY_OTHER_NAMES = /\barguments\b|\[native code\]/

/**
 * What a factory makes of its options. Error `unknown` for one that it does not have: a factory without parameters has none,
 * one that reads some of its options has no others. One that reads none of them may do so later.
 */
export function withOptions(
  kind: string,
  who: string,
  factory: (options: Options) => unknown,
  options: Options
): unknown {
  const { made, read } = reading(factory, options)
  const text = String(factory)
  const hasNone = WITHOUT_PARAMETERS.test(text) && !BY_OTHER_NAMES.test(text)
  if (read.size === 0 && !hasNone) return made
  const spare = kind === 'strategy' ? OF_THE_RUN : []
  const unread = Object.keys(options).find((name) => !read.has(name) && !spare.includes(name))
  if (unread === undefined) return made
  const known = [...read]
  const expected =
    known.length > 0
      ? `${suggestion(unread, known)}expected one of ${known.join(', ')}, which its factory reads; one that it reads later it must read when it is called, too`
      : 'its factory takes none'
  const message = `${who}: got the option "${unread}", ${expected}`
  throw new PeergradError('unknown', message, { plugin: who, option: unread })
}

/** What a factory makes of options, and the names of those that it reads, given or not. */
export function reading(
  factory: (options: Options) => unknown,
  options: Options
): { readonly made: unknown; readonly read: ReadonlySet<string> } {
  const read = new Set<string>()
  return { made: factory(watched(options, read)), read }
}

/** The options, as an object that can be cloned, each noted when it is read; and those that are not there when they are asked for. */
function watched(options: Options, read: Set<string>): Options {
  const note = (name: string | symbol) => {
    if (typeof name === 'string' && !(name in Object.prototype)) read.add(name)
  }
  const absent = new Proxy(Object.prototype, {
    get(target, name, receiver): unknown {
      note(name)
      return Reflect.get(target, name, receiver)
    },
    has(target, name) {
      note(name)
      return Reflect.has(target, name)
    }
  })
  const given = Object.entries(options).map(([name, value]) => {
    const get = () => {
      note(name)
      return value
    }
    return [name, { enumerable: true, get }] as const
  })
  return Object.create(absent, Object.fromEntries(given)) as Options
}
