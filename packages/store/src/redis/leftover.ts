import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'

export interface Leftover {
  readonly socket: string
  /** where the server wrote its process id */
  readonly pidFile: string
}

/** Milliseconds that a server may take to end when it is asked to. */
const PATIENCE = 1000

/**
 * Ends the server behind a socket: asks it to, and kills one that does not, stopped as it may be; nothing of it is on
 * disk. False when nobody listens there, or one that can be neither asked nor killed.
 */
export function endServer({ socket: path, pidFile }: Leftover): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    let ended = false
    socket.setTimeout(PATIENCE, () => {
      ended = kill(path, pidFile)
      if (!ended) socket.destroy()
    })
    socket.once('connect', () => {
      ended = true
      socket.write('SHUTDOWN NOSAVE\r\n')
    })
    socket.on('error', () => undefined)
    // its end closes the connection
    socket.once('close', () => resolve(ended))
    socket.resume()
  })
}

/** False unless the process is one that has this very socket in its title, or in its arguments. */
function kill(socket: string, pidFile: string): boolean {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(socket) && process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}
