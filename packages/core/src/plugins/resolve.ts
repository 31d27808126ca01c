import type { PluginReference, Registry } from '../contracts/plugin.js'
import { PeergradError } from '../errors.js'
import { suggestion } from '../options/nearest.js'
import { findNode, type Node } from './node.js'
import { packageEntry } from './package-entry.js'

let tell = (_name: string, _module: string) => {}

/**
 * Calls the listener, the only one of this thread, with each plug-in that is named and is not built in, as messages call it
 * and with the URL of its module: whoever runs it may watch over it.
 */
export function onOwnPlugin(listener: (name: string, module: string) => void): void {
  tell = listener
}

/**
 * What a text names: a built-in `name`, the path of a module, or an installed package, each with options behind a
 * colon, `name:key=value,key=value`, and an export that is not the default one as `path#export`. Paths and packages
 * count from the current directory. Errors: `unknown` lists the names there are and the nearest, `missing` when there
 * is no such file or package.
 */
export function resolvePlugin(registry: Registry, text: string): PluginReference {
  const { name, options } = parsePlugin(text)
  const entry = registry.entries.get(name)
  if (entry !== undefined) return { ...entry.reference, options: { ...entry.reference.options, ...options } }
  const [path = '', exported = 'default'] = name.split('#')
  const module = moduleUrl(registry.kind, path)
  if (module !== undefined) {
    tell(`${registry.kind} ${name}`, module)
    return { module, export: exported, options }
  }
  const names = [...registry.entries.keys()]
  const builtIn = names.length > 0 ? `one of ${names.join(', ')}, or ` : ''
  const message = `${registry.kind}: got "${name}", ${suggestion(name, names)}expected ${builtIn}a module path`
  throw new PeergradError('unknown', message, { kind: registry.kind, name })
}

/** Whether a text names one of the registry's own. */
export function isBuiltIn(registry: Registry, text: string): boolean {
  return registry.entries.has(parsePlugin(text).name)
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

/** How messages call a plug-in: its file as a path, and the export when it is not the default one. */
export function pluginName({ module, export: exported }: PluginReference): string {
  const path = module.startsWith('file:')
    ? (findNode()?.getBuiltinModule('node:url').fileURLToPath(module) ?? module)
    : module
  return exported === 'default' ? path : `${path}#${exported}`
}

function optionValue(text: string): number | string | boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return text !== '' && !Number.isNaN(number) ? number : text
}

/** The URL of a path or package; undefined when the text looks like neither. */
function moduleUrl(kind: string, text: string): string | undefined {
  if (/^[a-z]{2,}:/.test(text)) return text
  const node = findNode()
  if (node === undefined) return undefined
  const { isAbsolute, join } = node.getBuiltinModule('node:path')
  const isPath = text.startsWith('.') || isAbsolute(text)
  const file = isPath ? fileAt(node, text) : packageEntry(node, text, join(node.cwd(), 'package.json'))
  if (file !== undefined) return node.getBuiltinModule('node:url').pathToFileURL(file).href
  if (isPath)
    throw new PeergradError('missing', `${kind}: there is no module ${text} in ${node.cwd()}`, { module: text })
  if (!/[/.]/.test(text)) return undefined
  const message = `${kind}: there is no package "${text}" here; install it, or write a path as ./${text}`
  throw new PeergradError('missing', message, { module: text })
}

/** The file of a path, which may be the directory of a package. */
function fileAt(node: Node, path: string): string | undefined {
  const { join } = node.getBuiltinModule('node:path')
  try {
    return node.getBuiltinModule('node:module').createRequire(join(node.cwd(), 'package.json')).resolve(path)
  } catch {
    return undefined
  }
}
