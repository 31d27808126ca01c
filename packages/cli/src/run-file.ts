import { readFile } from 'node:fs/promises'
import { MANIFEST_OPTIONS, PeergradError, resolveOptions, type Options } from '@peergrad/core'
import { parse, stringify, YAMLParseError } from 'yaml'
import { fileError } from './machine-error.js'

export interface RunFile {
  readonly name: string
  readonly values: unknown
}

/** The words and values of a run file. Errors: `missing` when it cannot be read, `argument` when it is no YAML. */
export async function readRunFile(path: string): Promise<RunFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    throw fileError(path, thrown)
  }
  try {
    // an empty file is a run with every default
    return { name: path, values: parse(text) ?? {} }
  } catch (thrown) {
    if (!(thrown instanceof YAMLParseError)) throw thrown
    const [first = ''] = thrown.message.split('\n')
    throw new PeergradError('argument', `${path}: ${first.replace(/:$/, '')}`, { path }, { cause: thrown })
  }
}

/** The value of `resume`, before the run that it stands for is known and the rest can be looked at. */
export function resumePath(flags: Readonly<Record<string, unknown>>, file?: RunFile): string | undefined {
  const values = { ...(file?.values ?? {}), ...flags } as { readonly resume?: unknown }
  return resolveOptions({ flags: { resume: values.resume } }).options.resume
}

/** A run file that says all that the peers of a run must give alike, and how each of them here works. */
export function runFileText(options: Options): string {
  const words = [...MANIFEST_OPTIONS, 'engine', 'store', 'in-database', 'evaluate-every'] as const
  const given = words.map((word) => [word, options[word]] as const).filter(([, value]) => value !== undefined)
  return stringify(Object.fromEntries(given))
}
