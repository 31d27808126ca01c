import { realpathSync } from 'node:fs'
import { url } from 'node:inspector'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMainThread, Worker } from 'node:worker_threads'

/** Milliseconds that a plug-in may keep the main thread, unless said otherwise. */
const PATIENCE = 120_000

/** Steps in which time is counted: a process that stood still meanwhile is late for one of them only. */
export const TICKS = 10

/** Words of the memory that both threads see: turns of the event loop, and whether somebody may stop it with a debugger. */
export const WORD = { turns: 0, debugged: 1 } as const

/** A plug-in that runs on the main thread. */
export interface Guarded {
  /** as messages call it */
  readonly name: string
  /** URL of its module, by which its loop is told from another's */
  readonly module?: string
}

export type Notice = Guarded & { readonly gone: boolean }

export interface Boot {
  readonly words: Int32Array
  /** milliseconds */
  readonly patience: number
}

/**
 * Watches over plug-ins on the main thread, where nothing stops a loop that gives it to nobody: another thread looks whether the
 * event loop still turns. When it has not for `patience` milliseconds, standard error says at which line of which plug-in, and
 * the process ends with exit code 2. Where no JavaScript runs there is no line: after as long again the process is killed.
 */
export class LoopGuard {
  readonly #patience: number
  #watcher: Worker | undefined

  constructor(patience = PATIENCE) {
    this.#patience = patience
  }

  /** From now on, until what it returns is called. In any other than the main thread nothing is watched. */
  watch({ name, module }: Guarded): () => void {
    if (!isMainThread) return () => {}
    const watcher = (this.#watcher ??= this.#start())
    const tell = (gone: boolean) => {
      watcher.postMessage({ name, ...(module !== undefined && { module: realUrl(module) }), gone } satisfies Notice)
    }
    tell(false)
    return () => tell(true)
  }

  #start(): Worker {
    const boot: Boot = { words: new Int32Array(new SharedArrayBuffer(8)), patience: this.#patience }
    const watcher = new Worker(new URL('./watcher.js', import.meta.url), {
      workerData: boot,
      name: 'peergrad-loops',
      // some of the process's own are refused for a file
      execArgv: []
    })
    // without it plug-ins run as well
    watcher.on('error', () => undefined)
    watcher.unref()
    const turn = () => {
      Atomics.add(boot.words, WORD.turns, 1)
      Atomics.store(boot.words, WORD.debugged, url() === undefined ? 0 : 1)
    }
    turn()
    setInterval(turn, boot.patience / TICKS / 2).unref()
    return watcher
  }
}

/** As Node calls the module once it runs: a package may be a link. */
function realUrl(module: string): string {
  try {
    return pathToFileURL(realpathSync(fileURLToPath(module))).href
  } catch {
    return module
  }
}
