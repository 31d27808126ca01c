import { createRequire } from 'node:module'
import { RUN_VERSION } from '@peergrad/core'
import type { About } from './messages.js'

export type Versions = Pick<About, 'peergrad' | 'node' | 'run'>

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

/** Of this peer. */
export const VERSIONS: Versions = { peergrad: version, node: process.versions.node, run: RUN_VERSION }
