import { PeergradError } from '@peergrad/core'

import type { Backend } from './backend.js'
import { backends } from './index.js'
import type { Pool } from '../pool/pool.js'

/** What runs, and why. */
export interface Choice {
  readonly name: string
  readonly describe: string
  readonly pool: Pool
}

/**
 * Starts a pool on the back end of that name, or for `auto` on the first that is installed and starts.
 * Errors: `unknown` for no such name, `unsupported` for one that is not installed or does not start.
 */
export async function chooseBackend(name: string, start: (backend: string) => Promise<Pool>): Promise<Choice> {
  if (name === 'auto') return chooseAutomatically(start)
  const backend = backends.find((candidate) => candidate.name === name)
  if (backend === undefined) {
    const names = ['auto', ...backends.map((candidate) => candidate.name)].join(', ')
    throw new PeergradError('unknown', `engine: got "${name}", expected one of ${names}`, { name })
  }
  const { available, why, version } = await backend.probe()
  if (!available) throw new PeergradError('unsupported', `engine: ${name} cannot run here: ${why}`, { name })
  return { name, describe: `${label(backend, version)}, as asked for: ${why}`, pool: await start(name) }
}

async function chooseAutomatically(start: (backend: string) => Promise<Pool>): Promise<Choice> {
  const passed: string[] = []
  for (const backend of backends) {
    const { available, why, version } = await backend.probe()
    if (!available) {
      passed.push(`no ${backend.name} (${why})`)
      continue
    }
    try {
      const pool = await start(backend.name)
      const others = passed.length === 0 ? '' : `; ${passed.join('; ')}`
      return { name: backend.name, describe: `${label(backend, version)}: ${why}${others}`, pool }
    } catch (thrown) {
      const error = PeergradError.from(thrown)
      if (error.code !== 'unsupported' || error.data['backend'] !== backend.name) throw error
      passed.push(`no ${backend.name} (${error.message})`)
    }
  }
  throw new PeergradError('unsupported', `engine: no back end starts here: ${passed.join('; ')}`)
}

function label({ name }: Backend, version: string | undefined): string {
  return version === undefined ? name : `${name} ${version}`
}
