/** The part of Node that naming and importing a user's module takes, and making a directory. */
export interface Node {
  readonly features: { readonly typescript?: unknown }
  cwd(): string
  getBuiltinModule(name: 'node:module'): NodeModule
  getBuiltinModule(name: 'node:fs'): {
    existsSync(path: string): boolean
    readFileSync(path: string, encoding: 'utf8'): string
    mkdirSync(path: string): void
    statSync(path: string, options: { throwIfNoEntry: false }): { isDirectory(): boolean } | undefined
  }
  getBuiltinModule(name: 'node:path'): {
    join(...parts: string[]): string
    dirname(path: string): string
    isAbsolute(path: string): boolean
  }
  getBuiltinModule(name: 'node:url'): { pathToFileURL(path: string): URL; fileURLToPath(url: string): string }
}

interface NodeModule {
  createRequire(from: string): { resolve: ((module: string) => string) & { paths(module: string): string[] | null } }
  register(hooks: string): void
}

/** Undefined in a browser, where core runs too: so it imports no `node:` module. */
export function findNode(): Node | undefined {
  const found = Reflect.get(globalThis, 'process') as Partial<Node> | undefined
  return found?.getBuiltinModule === undefined ? undefined : (found as Node)
}
