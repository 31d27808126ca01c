import { lstat, mkdir, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { PeergradError, type Logger } from '@peergrad/core'
import { endServer } from './leftover.js'

/** Bytes of the path of a unix socket, on Linux and macOS. */
const LONGEST_SOCKET = 103

export function socketOf(folder: string): string {
  return join(folder, 'redis.sock')
}

export function pidFileOf(folder: string): string {
  return join(folder, 'redis.pid')
}

/**
 * An empty folder for the server of a peer, which only this user can enter. What an earlier life of the peer left in it is
 * ended. Errors: `refused` when somebody else may have put something there, `argument` when the path of its socket is too long.
 */
export async function privateFolder(peer: string, logger: Logger | undefined): Promise<string> {
  const own = await ownFolder()
  const folder = join(own, `redis-${peer.slice(-16)}`)
  checkSocket(socketOf(folder))
  if (await endServer({ socket: socketOf(folder), pidFile: pidFileOf(folder) }))
    logger?.info({ folder }, 'a redis-server that an earlier life left is ended')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o700 })
  return folder
}

/** Error `argument` for a socket whose address would be cut. */
function checkSocket(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= LONGEST_SOCKET) return
  const message = `store: the socket ${path} has ${bytes} bytes, expected at most ${LONGEST_SOCKET}: set TMPDIR to a shorter path, or name a server with --redis-url`
  throw new PeergradError('argument', message)
}

/** Of this user, in the system's folder for temporary files, where anybody may have made one of this name before. */
async function ownFolder(): Promise<string> {
  const { uid } = userInfo()
  const folder = join(tmpdir(), `peergrad-${uid}`)
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await lstat(folder)
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0) return folder
  const kind = found.isDirectory() ? 'a folder' : 'no folder'
  const got = `${kind} of user ${found.uid} with mode ${(found.mode & 0o777).toString(8)}`
  const message = `store: ${folder} is ${got}, expected a folder of user ${uid} with mode 700: delete it, set TMPDIR, or name a server with --redis-url`
  throw new PeergradError('refused', message, { folder })
}
