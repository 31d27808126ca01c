import { exports } from 'resolve.exports'
import type { Node } from './node.js'

/**
 * The file that `import` of a package, or of a path in one, means in the project whose package.json is at `from`;
 * undefined when it is not installed there. Node's own `require.resolve` does not see what is exported to `import` only.
 */
export function packageEntry(node: Node, module: string, from: string): string | undefined {
  const { join, isAbsolute } = node.getBuiltinModule('node:path')
  const { existsSync, readFileSync } = node.getBuiltinModule('node:fs')
  const { resolve } = node.getBuiltinModule('node:module').createRequire(from)
  const [, name = module, path = ''] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(module) ?? []
  for (const folder of resolve.paths(module) ?? []) {
    const directory = join(folder, name)
    const file = join(directory, 'package.json')
    if (!existsSync(file)) continue
    const entry = exported(readFileSync(file, 'utf8'), `.${path}`)
    if (entry !== undefined) return join(directory, entry)
    break
  }
  try {
    const found = resolve(module)
    return isAbsolute(found) ? found : undefined
  } catch {
    return undefined
  }
}

/** What a package.json says that `import` of the path is, if it says so: `resolve.exports` throws where it does not. */
function exported(text: string, path: string): string | undefined {
  try {
    return exports(JSON.parse(text) as object, path)?.[0]
  } catch {
    return undefined
  }
}
