import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { PeergradError, type Options } from '@peergrad/core'
import { cacheDirectory } from '../compose.js'
import { directory } from '../files.js'
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
    const held = await hold(options.identity)
    if (held !== undefined) return held
    const message = `identity: a peer that runs on this machine has the key ${options.identity}; give this one its own with --identity FILE`
    throw new PeergradError('duplicate', message, { file: options.identity })
  }
  for (let number = 1; ; number++) {
    const name = number === 1 ? FIRST : `identity-${number}.key`
    const held = await hold(join(cacheDirectory(options), name))
    if (held !== undefined) return held
  }
}

/** The key of a peer that is alone on this machine: the one that was asked for, or the first in the cache directory. */
export function firstKey(options: Options): string {
  return options.identity ?? join(cacheDirectory(options), FIRST)
}

/**
 * Undefined when another process holds it. What is held is a local socket with a name made of the file's: the system
 * gives it to one process, and takes it back when that process ends, however it ends. (A lock file would stay behind
 * after a kill. On macOS the socket is a file too: there a key counts as held until that is removed.)
 */
async function hold(path: string): Promise<HeldIdentity | undefined> {
  const file = resolve(realpathSync(directory(dirname(path))), basename(path))
  const server = await listen(socketOf(file))
  if (server === undefined) return undefined
  server.unref()
  return { file, close: () => new Promise((closed) => server.close(() => closed())) }
}

function socketOf(file: string): string {
  const name = `peergrad-${createHash('sha256').update(file).digest('hex').slice(0, 32)}`
  if (process.platform === 'linux') return `\0${name}`
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`)
}

/** Undefined when the address is taken. */
function listen(address: string): Promise<Server | undefined> {
  return new Promise((settle, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('listening', () => settle(server))
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') settle(undefined)
      else reject(new PeergradError('unsupported', `identity: no local socket to hold the key: ${error.message}`))
    })
    server.listen(address)
  })
}
