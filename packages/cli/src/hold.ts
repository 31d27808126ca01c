import { createHash } from 'node:crypto'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeergradError } from '@peergrad/core'
import type { Closing } from './peer/closing.js'

/** Milliseconds that a process has to say which it is. */
const PATIENCE = 1000

/**
 * Holds a path, as `realpath` has it, until it is closed. Undefined when another process does. What is held is a local
 * socket with a name made of the path's: the system gives it to one process, and takes it back when that process ends,
 * however it ends. (A lock file would stay behind after a kill. On macOS the socket is a file too: there a path counts
 * as held until that is removed.)
 */
export async function hold(path: string): Promise<Closing | undefined> {
  const server = await listen(path)
  if (server === undefined) return undefined
  server.unref()
  return { close: () => new Promise((closed) => server.close(() => closed())) }
}

/** The id of the process that holds a path, 0 when it does not say it; undefined when none does. */
export function holderOf(path: string): Promise<number | undefined> {
  return new Promise((settle) => {
    let told = ''
    const socket = connect(socketOf(path))
    socket.setEncoding('utf8').setTimeout(PATIENCE, () => socket.destroy())
    socket.on('data', (text) => (told += String(text)))
    socket.once('error', () => settle(undefined))
    socket.once('close', () => settle(Number(told)))
  })
}

function socketOf(path: string): string {
  const name = `peergrad-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
  if (process.platform === 'linux') return `\0${name}`
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`)
}

/** Undefined when the address is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((settle, reject) => {
    const server = createServer((socket) => {
      socket.once('error', () => socket.destroy())
      socket.write(String(process.pid))
      socket.destroySoon()
    })
    server.once('listening', () => settle(server))
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') settle(undefined)
      else reject(new PeergradError('unsupported', `${path}: no local socket to hold it: ${error.message}`))
    })
    server.listen(socketOf(path))
  })
}
