import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { PeergradError, type Options } from '@peergrad/core'
import { cacheDirectory } from '../compose.js'
import { directory } from '../files.js'
import { hold } from '../hold.js'
import type { Closing } from './closing.js'

const FIRST = 'identity.key'

/** A key file that no other running peer of this machine uses until it is closed. */
export interface HeldIdentity extends Closing {
  readonly file: string
}

/**
 * The key file of this peer: the one that was asked for, or else the first of `identity.key`, `identity-2.key` … in
 * the cache directory that no running peer holds, so that a peer alone on its machine is the same peer each time.
 * Error `duplicate` when a running peer holds the one that was asked for: two with one key would be one peer to the
 * others, and each would seem to contradict itself.
 */
export async function holdIdentity(options: Options): Promise<HeldIdentity> {
  if (options.identity !== undefined) {
    const held = await holdFile(options.identity)
    if (held !== undefined) return held
    const message = `identity: a peer that runs on this machine has the key ${options.identity}; give this one its own with --identity FILE`
    throw new PeergradError('duplicate', message, { file: options.identity })
  }
  for (let number = 1; ; number++) {
    const name = number === 1 ? FIRST : `identity-${number}.key`
    const held = await holdFile(join(cacheDirectory(options), name))
    if (held !== undefined) return held
  }
}

/** The key of a peer that is alone on this machine: the one that was asked for, or the first in the cache directory. */
export function firstKey(options: Options): string {
  return options.identity ?? join(cacheDirectory(options), FIRST)
}

/** Undefined when another process holds it. */
async function holdFile(path: string): Promise<HeldIdentity | undefined> {
  const file = resolve(realpathSync(directory(dirname(path))), basename(path))
  const held = await hold(file)
  return held && { file, close: () => held.close() }
}
