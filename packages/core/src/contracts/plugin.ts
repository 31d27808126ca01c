/**
 * Names a plug-in in a way that crosses threads and the wire: never code, only where to import it from on each side.
 * `module` is a URL; `export` the factory's name in it; `options` go to the factory.
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
