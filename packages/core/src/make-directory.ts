import { PeergradError } from './errors.js'
import { findNode } from './plugins/node.js'

/**
 * The directory and what is missing above it. (The recursive mkdir of Node never ends where the parent is there and the system
 * still says that it is not, as in /proc.) Errors: `argument` there, `unsupported` in a browser, and the system's own.
 */
export function makeDirectory(path: string): void {
  const node = findNode()
  if (node === undefined) throw new PeergradError('unsupported', `${path}: a browser has no directories`, { path })
  const { mkdirSync, statSync } = node.getBuiltinModule('node:fs')
  const { dirname } = node.getBuiltinModule('node:path')
  const isDirectory = (at: string) => statSync(at, { throwIfNoEntry: false })?.isDirectory() === true
  const make = (at: string): void => {
    try {
      mkdirSync(at)
    } catch (thrown) {
      if (isDirectory(at)) return
      const parent = dirname(at)
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown
      if (parent === at || isDirectory(parent)) {
        const message = `${at}: no directory can be made in ${parent}; choose another path`
        throw new PeergradError('argument', message, { path: at }, { cause: thrown })
      }
      make(parent)
      make(at)
    }
  }
  make(path)
}
