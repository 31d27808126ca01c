import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export const PROGRAM = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'peergrad.js')

export const CACHE = join(tmpdir(), 'peergrad-e2e-cache')

/** What one of many peers on a small machine needs. */
export const LEAN = ['--memory', '64', '--engine-workers', '1']

/** A run that is over in a second: small images, small model, every address on loopback. */
export const SMALL = ['--dataset', 'synthetic', '--model', 'mlp', '--engine', 'wasm', ...LEAN]

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

interface CliInit {
  readonly cwd?: string
  /** what enters the network namespace in which it runs */
  readonly within?: readonly string[]
}

/** The real command line in a process of its own, with its output so far. It is gone when the test is over. */
export class Cli {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  out = ''
  err = ''
  readonly #waiting = new Set<() => void>()

  constructor(args: readonly string[], { cwd, within = [] }: CliInit = {}) {
    const { NODE_CHANNEL_FD: _channel, ...inherited } = process.env
    // keys of the peers that tests start are none of the user's
    const env = { ...inherited, XDG_CACHE_HOME: CACHE }
    const [program = '', ...words] = [...within, process.execPath, PROGRAM, ...args]
    this.process = spawn(program, words, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read('out', text))
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => this.#read('err', text))
    this.finished = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        for (const wake of this.#waiting) wake()
        resolve({ code, signal, out: this.out, err: this.err })
      })
    })
    onTestFinished(async () => {
      this.process.kill('SIGKILL')
      await this.finished
    })
  }

  /** What a pattern matches in the output, as soon as it does; fails when the process ends before. */
  async saw(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out) ?? pattern.exec(this.err)
      if (match !== null) return match
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`ended before ${String(pattern)} was seen:\n${this.out}${this.err}`)
      }
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
      this.#waiting.clear()
    }
  }

  #read(stream: 'out' | 'err', text: string): void {
    this[stream] += text
    for (const wake of this.#waiting) wake()
  }
}

export function cli(...args: readonly string[]): Promise<Finished> {
  return new Cli(args).finished
}

/** A folder that is gone when the test is over. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-e2e-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Processes on this machine whose command line holds the text, by /proc. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
      } catch {
        return false
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid)
}
