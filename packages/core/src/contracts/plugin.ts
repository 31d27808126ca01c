import { PeergradError } from '../errors.js'
import { suggestion } from '../options/nearest.js'

/**
 * Names a plug-in in a way that crosses threads and the wire: never code, only where to import it from on each side.
 * `module` is a URL or bare specifier; `export` the factory's name in it; `options` go to the factory.
 */
export interface PluginReference {
  readonly module: string
  readonly export: string
  readonly options: Readonly<Record<string, number | string | boolean>>
}

/** One plug-in kind's table of built-in names. Open: a module path or package name works wherever a name does. */
export interface Registry {
  readonly kind: string
  /** built-in names and what each is, for `--help` and error messages */
  readonly entries: ReadonlyMap<string, { readonly reference: PluginReference; readonly describe: string }>
}

const MODULE = /^(\.{0,2}\/|file:|@?[\w.-]+\/|[\w.-]+\.(m?js)$)/

/**
 * `name`, `name:key=value,key=value`, or a module path or package with the same suffix, optionally `path#export`.
 * Error `unknown` lists the names there are and the nearest.
 */
export function resolvePlugin(registry: Registry, text: string): PluginReference {
  const { name, options } = parsePlugin(text)
  const entry = registry.entries.get(name)
  if (entry !== undefined) return { ...entry.reference, options: { ...entry.reference.options, ...options } }
  if (MODULE.test(name)) {
    const [module = '', exported = 'default'] = name.split('#')
    return { module, export: exported, options }
  }
  const names = [...registry.entries.keys()]
  throw new PeergradError(
    'unknown',
    `${registry.kind}: got "${name}", ${suggestion(name, names)}expected one of ${names.join(', ')}, or a module path`,
    { kind: registry.kind, name }
  )
}

/** Splits `name:key=value,…` into the name and its typed options. */
export function parsePlugin(text: string): { name: string; options: Record<string, number | string | boolean> } {
  const colon = /^(file|https?):/.test(text) ? text.indexOf(':', text.indexOf(':') + 1) : text.indexOf(':')
  if (colon < 0) return { name: text, options: {} }
  const options: Record<string, number | string | boolean> = {}
  for (const pair of text.slice(colon + 1).split(',')) {
    const equals = pair.indexOf('=')
    if (equals < 1) {
      throw new PeergradError(
        'argument',
        `"${text}": got "${pair}" after the colon, expected key=value, e.g. trimmed-mean:f=1`
      )
    }
    options[pair.slice(0, equals)] = optionValue(pair.slice(equals + 1))
  }
  return { name: text.slice(0, colon), options }
}

function optionValue(text: string): number | string | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return text !== '' && !Number.isNaN(number) ? number : text
}
