import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const SOURCES = ['core', 'store', 'strategies', 'engine', 'peer'].flatMap((name) =>
  readdirSync(join(ROOT, name, 'src', 'bundled'))
    // a thread starts by itself
    .filter((file) => !/(worker|helper)\.ts$/.test(file))
    .map((file) => [name, file.replace(/\.ts$/, '.js')] as const)
)

/** As Node loads it in a run, whether the build has bundled it or not. */
it.each(SOURCES)('%s/dist/bundled/%s loads, and has what its source says', async (name, file) => {
  const names = async (folder: string, ending: string) => {
    const path = join(ROOT, name, folder, 'bundled', file.replace(/\.js$/, ending))
    return Object.keys((await import(/* @vite-ignore */ pathToFileURL(path).href)) as object).sort()
  }
  const built = await names('dist', '.js')
  expect(built).not.toEqual([])
  expect(built).toEqual(await names('src', '.ts'))
})
