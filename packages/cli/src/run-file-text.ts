import { MANIFEST_OPTIONS, type Options } from '@peergrad/core'
import { stringify } from 'yaml'
import { moved } from './run-file.js'

/**
 * A run file for `directory` that says all that the peers of a run must give alike, and how each of them here works.
 */
export function runFileText(options: Options, directory: string): string {
  const words = [...MANIFEST_OPTIONS, 'engine', 'store', 'in-database', 'evaluate-every'] as const
  const given = words.map((word) => [word, options[word]] as const).filter(([, value]) => value !== undefined)
  return stringify(moved(Object.fromEntries(given), '.', directory))
}
