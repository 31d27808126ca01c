import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * The directory and what is missing above it. The recursive mkdir of Node never ends where the parent is there and the
 * system still says that it is not, as in /proc. The same is in packages/engine: neither package has the other.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (thrown) {
    if (await isDirectory(path)) return
    const parent = dirname(path)
    const missing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
    if (!missing || parent === path || (await isDirectory(parent))) throw thrown
    await makeDirectory(parent)
    await makeDirectory(path)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false
  )
}
