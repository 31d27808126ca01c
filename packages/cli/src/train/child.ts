import { fork, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Emitter, PeergradError, type PeerId, type RunEvent } from '@peergrad/core'
import { directory } from '../files.js'
import { fileError } from '../machine-error.js'
import { CHANNEL, type AskMessage, type PeerMessage, type StopMessage } from '../protocol.js'

export interface ChildInit {
  /** number of the peer on this machine, from 0 */
  readonly number: number
  /** the program that a peer is, `bin/peergrad.js` */
  readonly program: string
  readonly args: readonly string[]
  /** of this peer alone */
  readonly directory: string
}

export interface ChildEvents extends Record<string, unknown> {
  metrics: { readonly url: string }
  event: { readonly wall: number; readonly event: RunEvent }
  /** the process is gone; `error` when it did not end as a peer ends */
  exit: { readonly error: PeergradError | undefined }
}

/** Lines of a dead peer's log that are shown. */
const LAST_LINES = 5

/** One peer process. It writes its log itself, and ends when the channel to this process is lost. */
export class Child extends Emitter<ChildEvents> {
  readonly number: number
  readonly log: string
  /** Resolves when the peer can be dialled; rejects with its error when it ends before. */
  readonly listening: Promise<{ readonly peer: PeerId; readonly addresses: readonly string[] }>
  readonly exited: Promise<void>
  peer: PeerId | undefined
  /** messages that came from it */
  heard = 0
  readonly #process: ChildProcess
  #failure: PeergradError | undefined
  /** what the peer said when it ended as a peer ends */
  #ended: Extract<PeerMessage, { type: 'ended' }> | undefined

  constructor({ number, program, args, directory: own }: ChildInit) {
    super()
    this.number = number
    this.log = join(directory(own), 'peer.log')
    this.#process = start(program, args, this.log)
    this.listening = new Promise((resolve, reject) => {
      this.on('exit', ({ error }) => reject(error ?? new PeergradError('aborted', 'left before it was up')))
      this.#process.on('message', (message: PeerMessage) => {
        this.heard += 1
        if (message.type === 'listening') {
          this.peer = message.peer
          resolve({ peer: message.peer, addresses: message.addresses })
        } else {
          this.#receive(message)
        }
      })
    })
    // whoever waits for it has its own handler; nobody has to wait
    this.listening.catch(() => undefined)
    this.exited = new Promise((resolve) => {
      const end = (error: PeergradError | undefined) => {
        resolve()
        this.emit('exit', { error })
      }
      this.#process.once('error', (thrown) => end(new PeergradError('crashed', thrown.message)))
      // 'close' and not 'exit': after the last message
      this.#process.once('close', (code, signal) =>
        end(this.#ended === undefined ? this.#death(code, signal) : undefined)
      )
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** What the peer said of its whole life, once it has ended as a peer ends. */
  get ended(): Omit<Extract<PeerMessage, { type: 'ended' }>, 'type'> | undefined {
    return this.#ended
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Asks the peer to end where it is, with a checkpoint. */
  stop(): void {
    this.#tell({ type: 'stop' })
  }

  /** Asks the peer for a sign of life. */
  ask(): void {
    this.#tell({ type: 'ask' })
  }

  /** Kills the process, which then ended with this error. */
  end(error: PeergradError): void {
    this.#failure = error
    this.kill()
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** The end of the log. */
  lastLines(): string[] {
    try {
      return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-LAST_LINES)
    } catch {
      return []
    }
  }

  #tell(message: AskMessage | StopMessage): void {
    if (this.#process.connected) this.#process.send(message, () => undefined)
  }

  #receive(message: Exclude<PeerMessage, { type: 'listening' }>): void {
    if (message.type === 'event') this.emit('event', message)
    else if (message.type === 'metrics') this.emit('metrics', message)
    else if (message.type === 'failed') this.#failure = PeergradError.fromJSON(message.error)
    else if (message.type === 'ended') this.#ended = message
  }

  #death(code: number | null, signal: NodeJS.Signals | null): PeergradError {
    if (this.#failure !== undefined) return this.#failure
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
    return new PeergradError('crashed', how, { code, signal })
  }
}

function start(program: string, args: readonly string[], log: string): ChildProcess {
  let file: number
  try {
    file = openSync(log, 'a')
  } catch (thrown) {
    throw fileError(log, thrown)
  }
  try {
    // a group of its own: Ctrl+C goes to this process alone, which then stops all peers at the same round
    const detached = process.platform !== 'win32'
    const env = { ...process.env, [CHANNEL]: '1' }
    return fork(program, args, { stdio: ['ignore', file, file, 'ipc'], detached, env })
  } finally {
    closeSync(file)
  }
}
