import { PeergradError, shown } from '@peergrad/core'
import { readRunFile } from '../run-file.js'
import { wordsOf, type Settings } from './axes.js'

/** A grid as a YAML file says it, word by word. */
export interface GridFile {
  readonly name: string
  readonly values: Settings
}

/** Errors: those of a run file, and `argument` for what has no words. */
export async function readGrid(path: string): Promise<GridFile> {
  const { name, values } = await readRunFile(path)
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    return { name, values: values as Settings }
  }
  const message = `${name}: got ${shown(values)}, expected words and values, one a line, as in "byzantine: [1, 2]"`
  throw new PeergradError('argument', message, { path })
}

/** What `work` makes of a grid. An error about a word that the file says, and no flag, names the file. */
export async function ofGrid<T>({ name, values }: GridFile, flags: Settings, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const error = PeergradError.from(thrown)
    const { path, kind } = error.data
    const word = [path, kind].find((each) => typeof each === 'string') ?? ''
    if (!Object.hasOwn(values, word) || Object.hasOwn(wordsOf(flags), word)) throw thrown
    throw new PeergradError(error.code, `${name}: ${error.message}`, { ...error.data, file: name }, { cause: thrown })
  }
}
