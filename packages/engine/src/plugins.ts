import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import { PeergradError, resolvePlugin, type PluginReference, type Registry } from '@peergrad/core'

/**
 * The reference of a name or text, with its module as a URL that every thread can import: a path counts from the
 * current directory, a package from there too. Error `unknown` lists the names there are; `missing` when there is no
 * such package.
 */
export function referenceOf(registry: Registry, plugin: string | PluginReference): PluginReference {
  const reference = typeof plugin === 'string' ? resolvePlugin(registry, plugin) : plugin
  return { ...reference, module: moduleUrl(registry.kind, reference.module) }
}

/** Imports what a reference names and calls the factory with the reference's options. Error `missing` or `argument`. */
export async function loadPlugin(kind: string, reference: PluginReference): Promise<unknown> {
  const module = await importModule(kind, reference.module)
  const factory = module[reference.export]
  if (typeof factory !== 'function') {
    const has = Object.keys(module).join(', ') || 'nothing'
    const message = `${kind}: ${reference.module} exports ${has}, expected a function "${reference.export}"`
    throw new PeergradError('argument', message, { module: reference.module })
  }
  return (factory as (options: PluginReference['options']) => unknown)(reference.options)
}

async function importModule(kind: string, url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>
  } catch (cause) {
    if (cause instanceof PeergradError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    const code = isNotFound(cause) ? 'missing' : 'argument'
    throw new PeergradError(code, `${kind}: cannot import ${url}: ${why}`, { module: url }, { cause })
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

function isNotFound(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown } | undefined)?.code
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}
