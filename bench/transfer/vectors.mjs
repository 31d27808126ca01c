/** What both processes of the bench know: the vectors, their digests, and a certificate for bare node:tls. */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Arena } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'

export const MEGABYTES = [1, 16, 45]
export const FRAME_BYTES = 256 * 1024

export const arenaOf = () => Arena.create({ bytes: 128e6 })

export const elements = (megabytes) => (megabytes * 1e6) / 4

/** The names need not be hashes of the content here: the network layer only compares them. */
export const digestOf = (megabytes) => createHash('sha256').update(`transfer bench ${megabytes}`).digest('hex')

export function fill(vector) {
  for (let i = 0; i < vector.length; i++) vector[i] = i
}

export function isFilled(vector) {
  for (let i = 0; i < vector.length; i++) if (vector[i] !== i) return false
  return true
}

export function meshOf(folder, name, memory, fastLane) {
  const identityFile = join(folder, name)
  rmSync(identityFile, { force: true })
  return createNetworkMesh({ identityFile, listen: ['/ip4/127.0.0.1/tcp/0'], topic: 'bench', memory, fastLane })
}
