import type { PluginReference } from '../contracts/plugin.js'
import { PeergradError } from '../errors.js'
import { suggestion } from '../options/nearest.js'

type Options = PluginReference['options']

/** What a run gives every strategy, whether it has such options or not. */
const OF_THE_RUN = ['minibatches', 'every']

/** A function without parameters; one whose parameters have defaults has none by its `length` either. */
const WITHOUT_PARAMETERS = /^(?:function\s*[\w$]*)?\s*\(\s*\)/

/**
 * What a factory makes of its options. Error `unknown` for one that it does not have: a factory without parameters has none,
 * one that reads some of its options has no others. One that reads none of them may do so later.
 */
export function withOptions(who: string, factory: (options: Options) => unknown, options: Options): unknown {
  const read = new Set<string | symbol>()
  const seen = (name: string | symbol) => {
    read.add(name)
    return true
  }
  const made = factory(
    new Proxy(options, {
      get: (target, name) => seen(name) && (Reflect.get(target, name) as unknown),
      has: (target, name) => seen(name) && Reflect.has(target, name),
      ownKeys: (target) => Reflect.ownKeys(target).filter(seen)
    })
  )
  if (read.size === 0 && !WITHOUT_PARAMETERS.test(String(factory))) return made
  const unread = Object.keys(options).find((name) => !read.has(name) && !OF_THE_RUN.includes(name))
  if (unread === undefined) return made
  const known = [...read].filter((name) => typeof name === 'string')
  const expected =
    known.length > 0
      ? `${suggestion(unread, known)}expected one of ${known.join(', ')}, which its factory reads`
      : 'its factory takes none'
  const message = `${who}: got the option "${unread}", ${expected}`
  throw new PeergradError('unknown', message, { plugin: who, option: unread })
}
