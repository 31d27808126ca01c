import { isMainThread, Worker } from 'node:worker_threads'

/** Milliseconds that a plug-in may keep the main thread, unless said otherwise. */
const PATIENCE = 120_000

/** Steps in which time is counted: a process that stood still meanwhile is late for one of them only. */
export const TICKS = 10

/** A plug-in that runs on the main thread. */
export interface Guarded {
  /** as messages call it */
  readonly name: string
  /** URL of its module, by which its loop is told from another's */
  readonly module?: string
}

export interface Boot {
  /** counts turns of the main thread's event loop */
  readonly beats: Int32Array
  /** milliseconds */
  readonly patience: number
}

/**
 * Watches over plug-ins on the main thread, where nothing stops a loop that awaits nothing: another thread looks whether the event
 * loop still turns. When it has not for `patience` milliseconds, standard error says which plug-in keeps it, and at which
 * line, and the process ends with exit code 2.
 */
export class LoopGuard {
  readonly #patience: number
  #watcher: Worker | undefined

  constructor(patience = PATIENCE) {
    this.#patience = patience
  }

  /** From now on. In any other than the main thread nothing is watched. */
  watch(plugin: Guarded): void {
    if (!isMainThread) return
    this.#watcher ??= this.#start()
    this.#watcher.postMessage(plugin)
  }

  #start(): Worker {
    const boot: Boot = { beats: new Int32Array(new SharedArrayBuffer(4)), patience: this.#patience }
    const watcher = new Worker(new URL('./watcher.js', import.meta.url), {
      workerData: boot,
      name: 'peergrad-loops',
      // some of the process's own are refused for a file
      execArgv: []
    })
    watcher.unref()
    setInterval(() => Atomics.add(boot.beats, 0, 1), boot.patience / TICKS / 2).unref()
    return watcher
  }
}
