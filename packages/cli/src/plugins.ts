import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PeergradError, resolvePlugin, type PluginReference, type Registry } from '@peergrad/core'

/**
 * The reference of a name or text, its module as a URL that every thread can import; paths and packages count from
 * the current directory. Errors: `unknown` lists the names there are, `missing` when there is no such package.
 */
export function referenceOf(registry: Registry, text: string): PluginReference {
  const reference = resolvePlugin(registry, text)
  return { ...reference, module: moduleUrl(registry.kind, reference.module) }
}

/** The members that a kind of plug-in cannot do without, and their types. */
export type Members = Readonly<Record<string, 'string' | 'number' | 'function'>>

/**
 * What the factory that a text names makes of its options. Errors: those of `referenceOf`, and the factory's own;
 * `argument` when it throws another error, or makes something without one of the members.
 */
export async function instantiate<T extends object>(
  registry: Registry,
  text: string,
  members: Members,
  defaults: PluginReference['options'] = {}
): Promise<T> {
  const { kind } = registry
  const { module, export: name, options } = referenceOf(registry, text)
  const exported: unknown = (await importModule(kind, module))[name]
  if (typeof exported !== 'function')
    throw new PeergradError('argument', `${kind}: ${module} exports no function "${name}"`, { module })
  const made = make(kind, module, () =>
    (exported as (options: PluginReference['options']) => unknown)({ ...defaults, ...options })
  )
  for (const [member, type] of Object.entries(members)) {
    const got: unknown = typeof made === 'object' && made !== null ? Reflect.get(made, member) : undefined
    if (typeof got === type) continue
    const message = `${kind}: what ${module} makes has ${got === undefined ? 'no' : `a ${typeof got} as`} "${member}", expected a ${type}`
    throw new PeergradError('argument', message, { module, member })
  }
  return made as T
}

function make(kind: string, module: string, factory: () => unknown): unknown {
  try {
    return factory()
  } catch (cause) {
    if (cause instanceof PeergradError) throw cause
    const message = `${kind}: the factory of ${module} threw: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new PeergradError('argument', message, { module }, { cause })
  }
}

async function importModule(kind: string, url: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(url)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    if (cause instanceof PeergradError) throw cause
    const gone = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    const message = `${kind}: cannot import ${url}: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new PeergradError(gone ? 'missing' : 'argument', message, { module: url }, { cause })
  }
}

function moduleUrl(kind: string, module: string): string {
  if (/^[a-z]{2,}:/.test(module)) return module
  if (module.startsWith('.') || isAbsolute(module)) return pathToFileURL(resolve(module)).href
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(module)).href
  } catch (cause) {
    const message = `${kind}: there is no package "${module}" here; install it, or write a path as ./${module}`
    throw new PeergradError('missing', message, { module }, { cause })
  }
}
