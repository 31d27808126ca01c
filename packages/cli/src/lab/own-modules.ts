import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parsePlugin, resolvePlugin, type Registry } from '@peergrad/core'
import { fileError } from '../machine-error.js'

const NONE_BUILT_IN: Registry = { kind: 'module', entries: new Map() }

/** SHA-256 of the file of each plug-in that is named by its path: what one is called is not what it does. */
export function ownModules(texts: readonly string[]): Readonly<Record<string, string>> {
  const paths = texts.filter((text) => {
    const { name } = parsePlugin(text)
    return name.startsWith('.') || name.startsWith('file:') || isAbsolute(name)
  })
  return Object.fromEntries(
    paths.map((text) => {
      const file = fileURLToPath(resolvePlugin(NONE_BUILT_IN, text).module)
      try {
        return [text, createHash('sha256').update(readFileSync(file)).digest('hex')]
      } catch (thrown) {
        throw fileError(file, thrown)
      }
    })
  )
}
