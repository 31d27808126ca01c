import { PeergradError } from '@peergrad/core'

import type { Backend } from './backend.js'
import { backends } from './index.js'

/** What runs, and why. */
export interface Choice<T> {
  readonly name: string
  readonly describe: string
  readonly started: T
}

/** Starts workers on a back end; rejects with `unsupported` and `data.backend` when it does not run. */
type Start<T> = (init: { backend: string; asked: boolean; mostWorkers: number }) => Promise<T>

/**
 * Starts the back end of that name, or for `auto` the first that is installed and runs. Errors: `unknown` for no such
 * name, `unsupported` for one that is not installed or does not run; it says what to do.
 */
export async function startBackend<T>(name: string, start: Start<T>): Promise<Choice<T>> {
  if (name === 'auto') return startFirst(start)
  const backend = backends.find((candidate) => candidate.name === name)
  if (backend === undefined) {
    const names = ['auto', ...backends.map((candidate) => candidate.name)].join(', ')
    throw new PeergradError('unknown', `engine: got "${name}", expected one of ${names}`, { name })
  }
  const { available, why, version } = backend.probe()
  if (!available) throw new PeergradError('unsupported', `engine: ${name} cannot run here: ${why}`, { backend: name })
  setEnvironment(backend)
  const started = await start({ backend: name, asked: true, mostWorkers: backend.mostWorkers ?? Infinity })
  return { name, describe: `${label(backend, version)}, as asked for: ${why}`, started }
}

async function startFirst<T>(start: Start<T>): Promise<Choice<T>> {
  const absent: string[] = []
  const failed: string[] = []
  for (const backend of backends) {
    const { available, why, version } = backend.probe()
    if (!available) {
      absent.push(backend.name)
      continue
    }
    try {
      setEnvironment(backend)
      const started = await start({ backend: backend.name, asked: false, mostWorkers: backend.mostWorkers ?? Infinity })
      const notes = [...failed, ...(absent.length === 0 ? [] : [`not installed: ${absent.join(', ')}`])]
      const others = notes.length === 0 ? '' : ` (${notes.join('; ')})`
      return { name: backend.name, describe: `${label(backend, version)}: ${why}${others}`, started }
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      if (error.data['backend'] !== backend.name) throw error
      failed.push(error.message)
    }
  }
  throw new PeergradError('unsupported', `engine: none runs here: ${failed.join('; ')}`)
}

/** In this thread, for a worker's `process.env` is a copy that native code does not see. */
function setEnvironment({ environment = {} }: Backend): void {
  for (const [name, value] of Object.entries(environment)) process.env[name] ??= value
}

function label({ name }: Backend, version: string | undefined): string {
  return version === undefined ? name : `${name} ${version}`
}
