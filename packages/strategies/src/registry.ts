import type { Registry } from '@peergrad/core'
import { allReduce } from './architectures/all-reduce.js'
import { local } from './architectures/local.js'
import { spirt } from './architectures/spirt.js'
import { f16 } from './codecs/f16.js'
import { f32 } from './codecs/f32.js'
import { int8 } from './codecs/int8.js'
import { none } from './filters/none.js'
import type { PluginOptions } from './plugin-options.js'
import { mean } from './rules/mean.js'
import { median } from './rules/median.js'

/** Every built-in works with no options, so that its name and sentence can be had for help. */
type Factory = (options: PluginOptions) => { readonly name: string; readonly describe: string }

/** One line each: the file that exports the factory under the factory's own name. */
export const strategies = registry('strategy', [
  ['./architectures/spirt.js', spirt],
  ['./architectures/all-reduce.js', allReduce],
  ['./architectures/local.js', local]
])

export const aggregators = registry('aggregator', [
  ['./rules/mean.js', mean],
  ['./rules/median.js', median]
])

export const filters = registry('filter', [['./filters/none.js', none]])

export const codecs = registry('codec', [
  ['./codecs/f32.js', f32],
  ['./codecs/f16.js', f16],
  ['./codecs/int8.js', int8]
])

/** References hold the absolute URL of the file, so that any worker can import it. */
export function registry(kind: string, factories: readonly (readonly [file: string, factory: Factory])[]): Registry {
  return {
    kind,
    entries: new Map(
      factories.map(([file, factory]) => {
        const { name, describe } = factory({})
        const module = new URL(file, import.meta.url).href
        return [name, { reference: { module, export: factory.name, options: {} }, describe }]
      })
    )
  }
}
