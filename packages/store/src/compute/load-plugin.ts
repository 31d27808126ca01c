import { PeergradError, type PluginReference } from '@peergrad/core'

const made = new Map<string, Promise<unknown>>()

/** A plug-in is made once in the life of a thread; a reference that failed is tried again the next time. */
export function loadPlugin<T>(kind: string, reference: PluginReference): Promise<T> {
  const name = JSON.stringify([reference.module, reference.export, Object.entries(reference.options).sort()])
  let plugin = made.get(name) as Promise<T> | undefined
  if (plugin === undefined) {
    plugin = importPlugin<T>(kind, reference)
    made.set(name, plugin)
    plugin.catch(() => made.delete(name))
  }
  return plugin
}

/** Errors: `missing` when the module cannot be imported, `unknown` when it has no such factory. */
async function importPlugin<T>(kind: string, { module, export: exported, options }: PluginReference): Promise<T> {
  let exports: Record<string, unknown>
  try {
    exports = (await import(module)) as Record<string, unknown>
  } catch (cause) {
    const message = `${kind}: ${module} could not be imported: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new PeergradError('missing', message, { module }, { cause })
  }
  const factory = exports[exported]
  if (typeof factory !== 'function') {
    const message = `${kind}: ${module} exports no function "${exported}", only ${Object.keys(exports).join(', ')}`
    throw new PeergradError('unknown', message, { module, export: exported })
  }
  return (factory as (options: PluginReference['options']) => T)(options)
}
