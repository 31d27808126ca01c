import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { isOptionName, OPTIONS, PeergradError, resolveOptions, type Option, type OptionName } from '@peergrad/core'
import { fileError } from './machine-error.js'

export interface RunFile {
  readonly name: string
  readonly values: unknown
}

/**
 * The words and values of a run file. Paths of plug-ins count from its directory there, and from the current one here.
 * Errors: `missing` when it cannot be read, `argument` when it is no YAML.
 */
export async function readRunFile(path: string): Promise<RunFile> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    throw fileError(path, thrown)
  }
  // most peers are given none
  const { parse } = await import('yaml')
  return { name: path, values: moved(parsed(path, text, parse), dirname(path), '.') }
}

function parsed(path: string, text: string, parse: (text: string) => unknown): unknown {
  try {
    // an empty file is a run with every default
    const values = parse(text) ?? {}
    // an alias in what its anchor names makes a value without an end
    JSON.stringify(values)
    return values
  } catch (thrown) {
    const [first = ''] = PeergradError.from(thrown).message.split('\n')
    throw new PeergradError('argument', `${path}: ${first.replace(/:$/, '')}`, { path }, { cause: thrown })
  }
}

/** The value of `resume`, before the run that it stands for is known and the rest can be looked at. */
export function resumePath(flags: Readonly<Record<string, unknown>>, file?: RunFile): string | undefined {
  const values = { ...(file?.values ?? {}), ...flags } as { readonly resume?: unknown }
  return resolveOptions({ flags: { resume: values.resume } }).options.resume
}

/** Error `argument` for a word about one machine that a command does not look at. */
export function checkTaken({ name, values }: RunFile, command: string, taken: readonly OptionName[]): void {
  const stray = Object.keys(values ?? {}).find(
    (word) => isOptionName(word) && OPTIONS[word].group === 'peer' && !taken.includes(word)
  )
  if (stray === undefined) return
  const message = `${name}: ${stray}: ${command} does not take it; leave it out, or start peers with \`peergrad peer\``
  throw new PeergradError('argument', message, { path: stray, file: name })
}

/** The same values, with paths of plug-ins that count from one directory written as they count from another. */
export function moved(values: unknown, from: string, to: string): unknown {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return values
  return Object.fromEntries(
    Object.entries(values).map(([word, value]: [string, unknown]) => {
      const option: Option<unknown> | undefined = isOptionName(word) ? OPTIONS[word] : undefined
      // a grid has attacks too, and lists of chains
      return [word, option?.plugin === undefined && word !== 'attack' ? value : movedPath(value, from, to)]
    })
  )
}

function movedPath(text: unknown, from: string, to: string): unknown {
  if (Array.isArray(text)) return text.map((each: unknown) => movedPath(each, from, to))
  if (typeof text !== 'string' || !/^\.{1,2}\//.test(text)) return text
  const path = relative(to, join(from, text))
  return isAbsolute(path) || path.startsWith('.') ? path : `./${path}`
}
