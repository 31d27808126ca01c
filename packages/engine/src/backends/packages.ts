import { readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export interface InstalledPackage {
  readonly name: string
  readonly directory: string
  readonly version: string
}

/**
 * A package that is installed beside this one, in the user's project (the current directory) or on NODE_PATH; nothing
 * of it is loaded.
 */
export function findPackage(name: string): InstalledPackage | undefined {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    for (const root of createRequire(from).resolve.paths(name) ?? []) {
      const found = packageAt(name, join(root, name))
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** Loads a CommonJS package where it lies, so that it finds its own dependencies. */
export function requirePackage({ directory }: InstalledPackage): unknown {
  return createRequire(join(directory, 'package.json'))(directory)
}

/** Loads a dependency as the package itself would. */
export function requireFrom({ directory }: InstalledPackage, dependency: string): unknown {
  return createRequire(join(directory, 'package.json'))(dependency)
}

/** Version of a package that is a dependency of ours. */
export function ownVersion(name: string): string {
  return findPackage(name)?.version ?? 'unknown'
}

/** The directory of the main file of a dependency of ours. */
export function directoryOf(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(name))
}

function packageAt(name: string, path: string): InstalledPackage | undefined {
  try {
    const directory = realpathSync(path)
    const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }
    return { name, directory, version }
  } catch {
    return undefined
  }
}
