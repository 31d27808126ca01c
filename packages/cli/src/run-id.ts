import { createHash } from 'node:crypto'
import { canonical, type RunManifest } from '@peergrad/core'

/** A run's id: SHA-256 of its manifest as canonical JSON. */
export function runId(manifest: RunManifest): string {
  return createHash('sha256').update(canonical(manifest)).digest('hex')
}
