import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Emitter, type ErrorJSON, type PeerId, type RunEvent } from '@peergrad/core'
import type { PeerResult } from '@peergrad/peer'
import type { FromPeer, PeerSettings, ThreadName, ToPeer, Use } from './protocol.js'

/** Compiled programs: a test is run from its source, a bench from here. */
export const PROGRAMS = import.meta.filename.endsWith('.ts')
  ? join(import.meta.dirname, 'dist', 'faults')
  : import.meta.dirname

/** Ends a child when this process ends, however that comes and also while the child is stopped. */
const LEASH =
  spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0 ? ['setpriv', '--pdeathsig', 'KILL'] : []

export interface SeenEvent {
  /** time of day in milliseconds, as the peer says */
  readonly wall: number
  readonly event: RunEvent
}

/** Events that are kept of one life; older ones are forgotten. */
const KEPT = 10_000

interface ProcessEvents extends Record<string, unknown> {
  /** it said something, or is gone */
  news: undefined
  event: SeenEvent
  exit: undefined
}

/** One life of a peer: a process from its start to its end. */
export class PeerProcess extends Emitter<ProcessEvents> {
  readonly events: SeenEvent[] = []
  readonly log: string
  readonly exited: Promise<void>
  peer: PeerId | undefined
  addresses: readonly string[] = []
  /** when it was ready to train */
  ready: number | undefined
  stopped = false
  killed = false
  /** threads of it that ended */
  readonly threadsEnded: ThreadName[] = []
  /** process of its private redis-server */
  database: number | undefined
  result: PeerResult | undefined
  failure: ErrorJSON | undefined
  end: { readonly wall: number; readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined
  readonly #process: ChildProcess
  readonly #asked = new Map<number, (use: Use) => void>()
  #questions = 0

  /**
   * @param log file that the process's output goes to
   * @param within words in front of the command, to run it in another network namespace
   * @param flags of Node, e.g. to give it less memory
   */
  constructor(
    settings: PeerSettings,
    { log, within = [], flags = [] }: { log: string; within?: readonly string[]; flags?: readonly string[] }
  ) {
    super()
    this.log = log
    const node = [process.execPath, ...flags, '--import', join(PROGRAMS, 'thread.js'), join(PROGRAMS, 'peer.js')]
    const [command = '', ...args] = [...within, ...LEASH, ...node, JSON.stringify(settings)]
    const file = openSync(log, 'a')
    this.#process = spawn(command, args, { stdio: ['ignore', file, file, 'ipc'] })
    closeSync(file)
    this.#process.on('message', (message: FromPeer) => this.#hear(message))
    this.exited = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        // what it said last is read before its end is told
        const end = { wall: Date.now(), code, signal }
        const tell = () => {
          this.end = end
          resolve()
          this.emit('exit', undefined)
          this.emit('news', undefined)
        }
        if (this.#process.connected) this.#process.once('disconnect', tell)
        else tell()
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** There, and neither killed nor stopped. */
  get running(): boolean {
    return this.end === undefined && !this.killed && !this.stopped
  }

  /** The newest event of a type. */
  last<T extends RunEvent['type']>(type: T): (SeenEvent & { event: Extract<RunEvent, { type: T }> }) | undefined {
    return this.events.findLast(({ event }) => event.type === type) as never
  }

  tell(message: ToPeer): void {
    if (this.#process.connected) this.#process.send(message, () => undefined)
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGSTOP') this.stopped = true
    if (signal === 'SIGCONT') this.stopped = false
    if (signal === 'SIGKILL') this.killed = true
    this.#process.kill(signal)
  }

  use(): Promise<Use> {
    const id = this.#questions++
    return new Promise((resolve, reject) => {
      this.#asked.set(id, resolve)
      this.on('exit', () => reject(new Error(`${this.peer} ended before it told its use`)))
      this.tell({ type: 'use', id })
    })
  }

  /** The end of what it printed. */
  lastLines(count = 12): string {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  }

  #hear(message: FromPeer): void {
    switch (message.type) {
      case 'listening':
        this.peer = message.peer
        this.addresses = message.addresses
        break
      case 'ready':
        this.ready = message.wall
        break
      case 'event':
        this.events.push(message)
        if (this.events.length > KEPT) this.events.splice(0, KEPT / 2)
        this.emit('event', message)
        break
      case 'use':
        this.#asked.get(message.id)?.(message.use)
        this.#asked.delete(message.id)
        break
      case 'database':
        this.database = message.pid
        break
      case 'thread-ended':
        this.threadsEnded.push(message.of)
        break
      case 'ended':
        this.result = message.result
        break
      case 'failed':
        this.failure = message.error
    }
    this.emit('news', undefined)
  }
}
