import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { canonical, OPTION_NAMES, OPTIONS, PeergradError, type Options } from '@peergrad/core'
import { parse } from 'yaml'
import { writeWhole } from '../files.js'
import { ownModules } from '../lab/own-modules.js'
import { fileError } from '../machine-error.js'
import { readRunFile } from '../run-file.js'
import { runFileText } from '../run-file-text.js'
import type { Entry } from './entries.js'
import { readResult } from './measure.js'

/**
 * Whether the directory of an entry holds its run, and that to a good end: one that was stopped has to be run anew, for
 * its time would not be of one piece. Error `argument` names the first option that differs when it holds another run, or that
 * names a module of the user's whose code does.
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
  const { agreed, evaluated = true, peers, rounds } = await readResult(directory)
  // whoever went on with a stopped run was not in all of its rounds
  const whole = agreed && evaluated && peers.some(({ status, rounds: own }) => status === 'finished' && own >= rounds)
  if (whole) checkModules(directory, modulesOf(options))
  return whole
}

/** SHA-256 of the modules of the user's that a run is of, by the options that name them. */
type Modules = Readonly<Record<string, readonly string[]>>

export function modulesOf(options: Options): Modules {
  const words = OPTION_NAMES.filter((word) => OPTIONS[word].plugin !== undefined)
  const all = words.map((word) => {
    const texts = [options[word]].flat().map(String)
    // a model of tfjs is named by its file
    const files = texts.map((text) => (word === 'model' && text.endsWith('.json') ? resolve(text) : text))
    return [word, Object.values(ownModules(files))] as const
  })
  return Object.fromEntries(all.filter(([, hashes]) => hashes.length > 0))
}

/** Beside the run that they are of; nothing where everything is built in. */
export function writeModules(directory: string, modules: Modules): void {
  if (Object.keys(modules).length > 0) writeWhole(join(directory, MODULES), `${JSON.stringify(modules, null, 2)}\n`)
}

const MODULES = 'modules.json'

function checkModules(directory: string, now: Modules): void {
  const file = join(directory, MODULES)
  const then = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Modules) : {}
  const word = Object.keys({ ...now, ...then }).find((each) => canonical([now[each]]) !== canonical([then[each]]))
  if (word === undefined) return
  const message = `${word}: the code is not that of the run in ${directory}; compare in another --out, or use --fresh to run all anew`
  throw new PeergradError('argument', message, { path: word })
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
