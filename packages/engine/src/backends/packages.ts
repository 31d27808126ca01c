import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** where an optional package may be installed: beside this one, or in the user's project */
function requires(): NodeJS.Require[] {
  return [createRequire(import.meta.url), createRequire(join(process.cwd(), 'package.json'))]
}

export interface InstalledPackage {
  readonly directory: string
  readonly version: string
  /** a `require` that sees what the package sees */
  readonly require: NodeJS.Require
}

/** An installed package, or undefined; nothing of it is loaded. */
export function findPackage(name: string): InstalledPackage | undefined {
  for (const require of requires()) {
    for (const root of require.resolve.paths(name) ?? []) {
      const directory = join(root, name)
      const version = versionAt(directory)
      if (version !== undefined) {
        return { directory, version, require: createRequire(join(directory, 'package.json')) }
      }
    }
  }
  return undefined
}

/** Version of a package that is a dependency of ours. */
export function ownVersion(name: string): string {
  return findPackage(name)?.version ?? 'unknown'
}

/** The directory of a file of a dependency of ours, e.g. its `dist`. */
export function directoryOf(file: string): string {
  return dirname(createRequire(import.meta.url).resolve(file))
}

function versionAt(directory: string): string | undefined {
  try {
    const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }
    return version
  } catch {
    return undefined
  }
}
