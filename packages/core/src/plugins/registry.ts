import type { PluginReference, Registry } from '../contracts/plugin.js'

/** A factory whose plug-in says its name and what it is, also when it is given no options. */
type NamedFactory = (options: PluginReference['options']) => { readonly name: string; readonly describe: string }

/**
 * Built-ins of a kind, each by the file that exports its factory, and by the name of the export. Files count from `base`, a
 * module's `import.meta.url`; references hold absolute URLs, so that any worker can import them.
 */
export function registry(
  kind: string,
  base: string,
  factories: readonly (readonly [file: string, exported: Readonly<Record<string, NamedFactory>>])[]
): Registry {
  const entries = factories.flatMap(([file, exported]) =>
    Object.entries(exported).map(([key, factory]) => {
      const { name, describe } = factory({})
      return [name, file, key, describe] as const
    })
  )
  return describedRegistry(kind, base, entries)
}

/** The same for factories that cannot be asked for a name or a sentence. */
export function describedRegistry(
  kind: string,
  base: string,
  entries: readonly (readonly [name: string, file: string, exported: string, describe: string])[]
): Registry {
  return {
    kind,
    entries: new Map(
      entries.map(([name, file, exported, describe]) => {
        const reference = { module: new URL(file, base).href, export: exported, options: {} }
        return [name, { reference, describe }]
      })
    )
  }
}
