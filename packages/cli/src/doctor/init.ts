import { MANIFEST_OPTIONS, optionsToManifest, resolveOptions } from '@peergrad/core'
import { withAllowed } from '../peer/admission.js'
import { readRunFile } from '../run-file.js'
import type { DoctorInit } from './doctor.js'

/**
 * What `doctor` looks at, by flags, the run file at `run`, and addresses, with those of --join. A run is described when one of
 * its words is given. Errors: those of options and run files.
 */
export async function doctorInit(
  flags: Readonly<Record<string, unknown>>,
  run: string | undefined,
  addresses: readonly string[]
): Promise<DoctorInit> {
  const file = run === undefined ? undefined : await readRunFile(run)
  const { options: resolved, given } = resolveOptions(file === undefined ? { flags } : { flags, file })
  const options = withAllowed(resolved)
  const described = file !== undefined || MANIFEST_OPTIONS.some((name) => given.has(name))
  return {
    options,
    addresses: [...new Set([...addresses, ...options.join])],
    ...(described && { own: optionsToManifest(options) })
  }
}
