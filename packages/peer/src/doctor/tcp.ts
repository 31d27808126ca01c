import { connect, type Socket } from 'node:net'
import type { DialOutcome } from './messages.js'

/** How a TCP connection was refused, by the system's words; whatever else it says, there is no way there. */
const OUTCOMES: Readonly<Record<string, DialOutcome>> = { ECONNREFUSED: 'refused', ETIMEDOUT: 'timeout' }

/** Connects, says `word` when there is one, and hangs up. Never rejects. */
export async function tryTcp(host: string, port: number, patience: number, word = ''): Promise<DialOutcome> {
  const socket = connect({ host, port })
  try {
    return await outcomeOf(socket, patience, word)
  } finally {
    socket.destroy()
  }
}

function outcomeOf(socket: Socket, patience: number, word: string): Promise<DialOutcome> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve('timeout'), patience)
    const end = (outcome: DialOutcome) => {
      clearTimeout(late)
      resolve(outcome)
    }
    let connected = false
    socket.once('connect', () => {
      connected = true
      socket.end(word, () => end('connected'))
    })
    // one that comes later is of a connection that was made
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) =>
      end(connected ? 'connected' : (OUTCOMES[code] ?? 'unroutable'))
    )
  })
}
