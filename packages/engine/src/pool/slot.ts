import { Worker } from 'node:worker_threads'

import { PeergradError, whenOverdue, type Layout } from '@peergrad/core'

import { Claim, type Answers, type FromWorker, type Job, type ToWorker, type WorkerInit } from '../worker/protocol.js'

/** How long a job of a user's model may take. */
export interface SlotLimit {
  /** what messages call the model */
  readonly who: string
  readonly milliseconds: number
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: PeergradError) => void
}

/** One worker thread, which does one job at a time. */
export class Slot {
  readonly #worker: Worker
  readonly #claim: Int32Array
  #waiting: Waiting | undefined
  #endsItself = false
  #ended: PeergradError | undefined
  readonly #limit: SlotLimit | undefined

  private constructor(init: Omit<WorkerInit, 'claim'>, limit: SlotLimit | undefined) {
    this.#limit = limit
    const claim = new SharedArrayBuffer(4)
    this.#claim = new Int32Array(claim)
    this.#worker = new Worker(new URL('../bundled/worker.js', import.meta.url), {
      workerData: { ...init, claim } satisfies WorkerInit
    })
    this.#worker.on('message', (message: FromWorker) => this.#receive(message))
    this.#worker.on('error', (error: Error) => this.#end(`failed: ${error.message}`))
    this.#worker.on('exit', (code) => this.#end(`ended with code ${code}`))
  }

  /** Starts a worker; the layout is its model's. Rejects with the worker's own error, or `crashed`. */
  static async start(init: Omit<WorkerInit, 'claim'>, limit?: SlotLimit): Promise<{ slot: Slot; layout: Layout }> {
    const slot = new Slot(init, limit)
    const layout = await slot.#answer<Layout>().catch(async (error: unknown) => {
      await slot.close()
      throw error
    })
    slot.#worker.unref()
    return { slot, layout }
  }

  get alive(): boolean {
    return this.#ended === undefined
  }

  /** Does one job; `crashed` when the worker ends meanwhile. A job that is given up answers `aborted`. */
  async run<J extends Job>(job: J): Promise<Answers[J['kind']]> {
    if (this.#ended !== undefined) throw this.#ended
    Atomics.store(this.#claim, 0, Claim.open)
    this.#worker.ref()
    try {
      const answer = this.#answer<Answers[J['kind']]>()
      this.#worker.postMessage(job satisfies ToWorker)
      return await answer
    } finally {
      this.#worker.unref()
    }
  }

  /** Gives the running job up. True when it will write nothing from now on, false when it is writing already. */
  giveUp(): boolean {
    return Atomics.compareExchange(this.#claim, 0, Claim.open, Claim.cancelled) !== Claim.writing
  }

  /** Ends the worker: at once, or after its job where the back end bears no less. */
  async close(): Promise<void> {
    if (!this.#endsItself || !this.alive) {
      await this.#worker.terminate()
      return
    }
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve))
    this.#worker.ref()
    this.#worker.postMessage({ kind: 'close' } satisfies ToWorker)
    await exit
  }

  /** The next answer. One that does not come in time ends the worker. */
  async #answer<T>(): Promise<T> {
    const answer = new Promise<T>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    if (this.#limit === undefined) return answer
    const { who, milliseconds } = this.#limit
    const stop = whenOverdue(milliseconds, () => {
      const message = `${who} did not end its work within ${milliseconds / 1000} s, so it was ended; mend what loops there, or raise --deadline if it is only slow`
      this.#ended = new PeergradError('crashed', `engine: ${message}`, { plugin: who })
      // until it is gone it may write into the vectors of the call
      void this.#worker.terminate()
    })
    try {
      return await answer
    } finally {
      stop()
    }
  }

  #receive(message: FromWorker): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (message.kind === 'ready') this.#endsItself = message.endsItself
    if (message.kind === 'error') waiting?.reject(PeergradError.fromJSON(message.error))
    else waiting?.resolve((message.kind === 'ready' ? message.layout : message.value) as never)
  }

  #end(how: string): void {
    this.#ended ??= new PeergradError('crashed', `engine: a worker ${how}`)
    this.#waiting?.reject(this.#ended)
    this.#waiting = undefined
  }
}
