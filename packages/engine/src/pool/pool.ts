import { PeergradError, type Layout } from '@peergrad/core'

import { enableRelaxedSimd } from '../kernels/relaxed-simd.js'
import { Slot, type SlotLimit } from './slot.js'
import type { Answers, Job, WorkerInit } from '../worker/protocol.js'

interface Task {
  readonly job: Job
  readonly resolve: (value: Answers[Job['kind']]) => void
  readonly reject: (error: PeergradError) => void
  /** where it runs, when it does */
  slot: Slot | undefined
  aborted: boolean
  /** how often a worker crashed on it */
  crashes: number
}

/** Workers that take jobs in order, one each. A crashed worker is replaced once for a job, which is run again. */
export class Pool {
  readonly layout: Layout
  readonly workers: number
  readonly #start: () => ReturnType<typeof Slot.start>
  readonly #idle: Slot[] = []
  readonly #slots = new Set<Slot>()
  readonly #queue: Task[] = []
  #closed = false
  /** set while no worker is left and none starts */
  #gone: PeergradError | undefined

  private constructor(start: () => ReturnType<typeof Slot.start>, slots: readonly Slot[], layout: Layout) {
    this.#start = start
    this.layout = layout
    this.workers = slots.length
    for (const slot of slots) {
      this.#slots.add(slot)
      this.#idle.push(slot)
    }
  }

  /** `limit`: how long each job may take; for ever when left out. */
  static async start(init: Omit<WorkerInit, 'claim'>, workers: number, limit?: SlotLimit): Promise<Pool> {
    enableRelaxedSimd()
    const start = () => Slot.start(init, limit)
    const starts = await Promise.allSettled(Array.from({ length: workers }, start))
    const started = starts.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const failed = starts.find((each) => each.status === 'rejected')
    const [first] = started
    if (failed !== undefined || first === undefined) {
      await Promise.all(started.map(({ slot }) => slot.close()))
      throw PeergradError.from(failed?.reason)
    }
    const slots = started.map(({ slot }) => slot)
    return new Pool(start, slots, first.layout)
  }

  /** Runs one job on the next free worker. */
  async run<J extends Job>(job: J, signal?: AbortSignal): Promise<Answers[J['kind']]> {
    const [answer] = await this.runAll([job], signal)
    return answer as Answers[J['kind']]
  }

  /** Runs jobs on the next free workers, in their order; the first that fails rejects the call. */
  async runAll<J extends Job>(jobs: readonly J[], signal?: AbortSignal): Promise<Answers[J['kind']][]> {
    if (this.#closed) throw closed()
    if (this.#gone !== undefined) throw this.#gone
    if (signal?.aborted === true) throw aborted()
    const tasks: Task[] = []
    const answers = jobs.map(
      (job) =>
        new Promise<Answers[J['kind']]>((resolve, reject) => {
          tasks.push({ job, resolve: resolve as Task['resolve'], reject, slot: undefined, aborted: false, crashes: 0 })
        })
    )
    const abort = () => {
      for (const task of tasks) this.#abort(task)
    }
    signal?.addEventListener('abort', abort)
    try {
      this.#queue.push(...tasks)
      this.#next()
      return await Promise.all(answers)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Runs the same job on each worker that is idle; one that fails rejects the call when all have ended. */
  async runOnIdle<J extends Job>(job: J): Promise<Answers[J['kind']][]> {
    this.#replaceDead()
    const runs = this.#idle.splice(0).map((slot) => slot.run(job).finally(() => void this.#giveBack(slot)))
    await Promise.allSettled(runs)
    return Promise.all(runs)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const task of this.#queue.splice(0)) task.reject(closed())
    await Promise.all([...this.#slots].map((slot) => slot.close()))
  }

  #abort(task: Task): void {
    const index = this.#queue.indexOf(task)
    if (index >= 0) this.#queue.splice(index, 1)
    task.aborted = true
    // a job that writes already is rejected when it has ended, so that its vectors may be used from then on
    if (index >= 0 || task.slot?.giveUp() === true) task.reject(aborted())
  }

  #next(): void {
    this.#replaceDead()
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const slot = this.#idle.pop()
      const task = this.#queue.shift()
      if (slot !== undefined && task !== undefined) void this.#work(slot, task)
    }
  }

  /** A worker that ended while it was idle is no crash of the next job. */
  #replaceDead(): void {
    for (const slot of this.#idle.splice(0)) {
      if (slot.alive) this.#idle.push(slot)
      else void this.#giveBack(slot)
    }
  }

  async #work(slot: Slot, task: Task): Promise<void> {
    task.slot = slot
    try {
      const answer = await slot.run(task.job)
      task.slot = undefined
      if (task.aborted) task.reject(aborted())
      else task.resolve(answer)
    } catch (thrown) {
      task.slot = undefined
      this.#failed(slot, task, PeergradError.from(thrown))
    }
    await this.#giveBack(slot)
  }

  /** Of a slot that has done its job: the next one is for it, or for another in its place. */
  async #giveBack(slot: Slot): Promise<void> {
    if (slot.alive) this.#idle.push(slot)
    else await this.#replace(slot)
    this.#next()
  }

  #failed(slot: Slot, task: Task, error: PeergradError): void {
    if (this.#closed) return task.reject(closed())
    if (task.aborted) return task.reject(aborted())
    if (slot.alive) return task.reject(error)
    // a model that did not end its work would not do so the next time
    if (error.data['plugin'] !== undefined) return task.reject(error)
    task.crashes += 1
    if (task.crashes === 1) {
      this.#queue.unshift(task)
      this.#next()
    } else task.reject(new PeergradError('crashed', `${error.message}, for the second time on one call`))
  }

  async #replace(slot: Slot): Promise<void> {
    this.#slots.delete(slot)
    if (this.#closed) return
    try {
      const { slot: fresh } = await this.#start()
      this.#gone = undefined
      this.#slots.add(fresh)
      this.#idle.push(fresh)
      if (this.#closed) await fresh.close()
    } catch (thrown) {
      this.#giveUpWithoutWorkers(PeergradError.from(thrown))
    }
  }

  /** When the last worker is gone and no new one starts, nothing that waits can be done. */
  #giveUpWithoutWorkers(error: PeergradError): void {
    if (this.#slots.size > 0) return
    this.#gone = new PeergradError('crashed', `engine: no worker is left, and none starts: ${error.message}`)
    for (const task of this.#queue.splice(0)) task.reject(this.#gone)
  }
}

function aborted(): PeergradError {
  return new PeergradError('aborted', 'engine: the call was given up by its signal')
}

function closed(): PeergradError {
  return new PeergradError('aborted', 'engine: it was closed')
}
