import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { canonical, PeergradError } from '@peergrad/core'
import { parse } from 'yaml'
import { fileError } from '../machine-error.js'
import { readRunFile, runFileText } from '../run-file.js'
import type { Entry } from './entries.js'
import { readResult } from './measure.js'

/**
 * Whether the directory of an entry holds its run, and that to a good end: one that was stopped has to be run anew, for
 * its time would not be of one piece. Error `argument` names the first option that differs when it holds another run.
 */
export async function isKept({ directory, options }: Entry): Promise<boolean> {
  const runFile = join(directory, 'run.yaml')
  if (!existsSync(runFile)) return false
  const { values } = await readRunFile(runFile)
  const there = values as Readonly<Record<string, unknown>>
  const here = parse(runFileText(options, '.')) as Readonly<Record<string, unknown>>
  const word = Object.keys({ ...here, ...there }).find((each) => canonical([here[each]]) !== canonical([there[each]]))
  if (word !== undefined) {
    const [got, kept] = [here[word], there[word]].map((value) => JSON.stringify(value) ?? 'nothing')
    const message = `${word}: got ${got}, but the run in ${directory} has ${kept}; compare in another --out, or use --fresh to run all anew`
    throw new PeergradError('argument', message, { path: word })
  }
  if (!existsSync(join(directory, 'result.json'))) return false
  const { agreed, peers, rounds } = await readResult(directory)
  // whoever went on with a stopped run was not in all of its rounds
  return agreed && peers.some(({ status, rounds: own }) => status === 'finished' && own >= rounds)
}

/** Removes a run, and nothing that is none. */
export function removeRun(directory: string): void {
  if (!existsSync(join(directory, 'run.yaml'))) return
  try {
    rmSync(directory, { recursive: true })
  } catch (thrown) {
    throw fileError(directory, thrown)
  }
}
