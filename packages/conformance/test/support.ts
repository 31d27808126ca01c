import type { Report } from '@peergrad/conformance'
import { PeergradError } from '@peergrad/core'

/** The laws that a check found broken, and how. */
export async function brokenLaws(check: Promise<Report>): Promise<Map<string, string>> {
  const error = await check.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  if (error === undefined) return new Map()
  if (!(error instanceof PeergradError && 'report' in error.data)) throw error
  const { laws } = error.data['report'] as Report
  return new Map(laws.flatMap(({ law, held, why = '' }) => (held ? [] : [[law, why]])))
}
