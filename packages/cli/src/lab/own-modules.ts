import { createHash, type Hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parsePlugin, resolvePlugin, type Registry } from '@peergrad/core'
import { fileError } from '../machine-error.js'

const NONE_BUILT_IN: Registry = { kind: 'module', entries: new Map() }

/** What a module imports by a relative path. */
const IMPORTED = /\b(?:from|import|require)\s*\(?\s*['"](\.\.?\/[^'"]+)['"]/g

/**
 * SHA-256 of each plug-in that is named by its path, with the modules that it imports by relative paths: what one is called is
 * not what it does.
 */
export function ownModules(texts: readonly string[]): Readonly<Record<string, string>> {
  const paths = texts.filter((text) => {
    const { name } = parsePlugin(text)
    return name.startsWith('.') || name.startsWith('file:') || isAbsolute(name)
  })
  return Object.fromEntries(
    paths.map((text) => {
      const hash = createHash('sha256')
      addModule(fileURLToPath(resolvePlugin(NONE_BUILT_IN, text).module), hash, new Set())
      return [text, hash.digest('hex')]
    })
  )
}

function addModule(file: string, hash: Hash, seen: Set<string>): void {
  if (seen.has(file)) return
  seen.add(file)
  const text = contentOf(file)
  hash.update(text)
  for (const [, path] of text.matchAll(IMPORTED)) {
    const imported = sourceOf(resolve(dirname(file), path))
    if (imported !== undefined) addModule(imported, hash, seen)
  }
}

/** The file of a module: TypeScript names it by what it becomes. */
function sourceOf(path: string): string | undefined {
  return [path, path.replace(/js$/, 'ts'), `${path}.js`, `${path}.ts`].find((file) => existsSync(file))
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    throw fileError(file, thrown)
  }
}
