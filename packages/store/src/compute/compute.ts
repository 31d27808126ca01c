import { PeergradError, pluginName, whenOverdue, type Arena, type Logger, type Vector } from '@peergrad/core'
import { SCRATCH, type Answer, type Boot, type Call, type JobName, type Jobs } from './jobs.js'

/** A started compute worker, whatever the platform calls it. */
export interface ComputeWorker {
  post(call: Call): void
  terminate(): Promise<void>
}

/**
 * Starts a compute worker: the one thing that a platform must bring. `exited` is called once, with the reason, when
 * the worker ends, asked to or not.
 */
export type Spawn = (boot: Boot, on: { answer(answer: Answer): void; exited(reason: string): void }) => ComputeWorker

export interface ComputeInit {
  readonly arena: Arena
  readonly spawn: Spawn
  /** scratch, and results whose length only the job knows; counts against the store's budget */
  readonly allocate: (length: number) => Vector
  readonly free: (vector: Vector) => void
  /** milliseconds that a plug-in may work on one call; for ever when left out */
  readonly pluginTimeout?: number
  readonly logger?: Logger
}

interface Task {
  readonly call: Call
  /** what it was given; freed when it ends, but for what the result refers to */
  scratch: Vector[]
  /** what a request for scratch was refused with */
  refused?: PeergradError
  crashes: number
  /** stops the watch over a plug-in */
  unwatch?: () => void
  resolve(result: Jobs[JobName]['result']): void
  reject(error: PeergradError): void
}

/**
 * The owner's side of the compute worker: one call at a time, in the order of arrival. A worker that ends unasked is
 * replaced and its call is run again; the second time the call rejects with `crashed`. So does a call whose plug-in
 * does not end in time; its worker is ended, and the next call has a new one.
 */
export class Compute {
  readonly #init: ComputeInit
  readonly #control = new SharedArrayBuffer(8)
  readonly #waiting: Task[] = []
  #running: Task | undefined
  #worker: ComputeWorker | undefined
  #closed = false
  #ids = 0

  constructor(init: ComputeInit) {
    this.#init = init
  }

  /** Starts the worker ahead of the first call. */
  start(): void {
    this.#worker ??= this.#spawn()
  }

  run<K extends JobName>(name: K, request: Jobs[K]['request']): Promise<Jobs[K]['result']> {
    if (this.#closed) return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      const call = { id: this.#ids++, name, request } as Call
      this.#waiting.push({ call, scratch: [], crashes: 0, resolve, reject })
      this.#next()
    })
  }

  /** Ends the worker; calls that are not done reject with `aborted`. */
  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
    if (this.#running !== undefined) this.#settle((task) => task.reject(closed()))
    for (const task of this.#waiting.splice(0)) task.reject(closed())
  }

  #next(): void {
    if (this.#running !== undefined || this.#closed) return
    this.#running = this.#waiting.shift()
    if (this.#running === undefined) return
    this.#worker ??= this.#spawn()
    this.#watch(this.#running)
    this.#worker.post(this.#running.call)
  }

  /** Only plug-ins are watched: our own work always ends. */
  #watch(task: Task): void {
    const { pluginTimeout } = this.#init
    const plugin = pluginOf(task.call)
    if (pluginTimeout === undefined || plugin === undefined) return
    task.unwatch = whenOverdue(pluginTimeout, () => void this.#overdue(task, plugin, pluginTimeout))
  }

  /** The call is rejected once the worker is gone: until then it may write into the call's vectors. */
  async #overdue(task: Task, plugin: string, milliseconds: number): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
    if (this.#running !== task) return
    const message = `store: ${plugin} did not end its work within ${milliseconds / 1000} s, so it was ended`
    this.#settle(() => task.reject(new PeergradError('crashed', message, { plugin })))
  }

  #spawn(): ComputeWorker {
    const worker: ComputeWorker = this.#init.spawn(
      { memory: this.#init.arena.memory, control: this.#control },
      {
        answer: (answer) => this.#answer(answer),
        exited: (reason) => {
          if (this.#worker === worker) this.#crashed(reason)
        }
      }
    )
    return worker
  }

  #answer(answer: Answer): void {
    const task = this.#running?.call.id === answer.id ? this.#running : undefined
    if (answer.type === 'scratch') return this.#giveScratch(task, answer.length)
    if (task === undefined) return
    if (answer.type === 'result') {
      task.scratch = task.scratch.filter(({ byteOffset }) => !answer.made.includes(byteOffset))
      this.#settle(() => task.resolve(answer.result))
    } else this.#settle(() => task.reject(task.refused ?? PeergradError.fromJSON(answer.error)))
  }

  /** The worker sleeps on the control words meanwhile: only the arena's owner can allocate. A call that is over gets none. */
  #giveScratch(task: Task | undefined, length: number): void {
    const vector = task && this.#scratchOf(task, length)
    if (vector !== undefined) new Uint32Array(this.#control)[1] = vector.byteOffset
    const states = new Int32Array(this.#control)
    Atomics.store(states, 0, vector === undefined ? SCRATCH.refused : SCRATCH.given)
    Atomics.notify(states, 0)
  }

  #scratchOf(task: Task, length: number): Vector | undefined {
    try {
      const vector = this.#init.allocate(length)
      task.scratch.push(vector)
      return vector
    } catch (thrown) {
      task.refused = PeergradError.from(thrown)
      return undefined
    }
  }

  #crashed(reason: string): void {
    this.#worker = undefined
    const task = this.#running
    this.#init.logger?.warn({ reason, call: task?.call.name }, 'the compute worker of the store ended unasked')
    if (task === undefined) return
    this.#freeScratch(task)
    task.crashes++
    if (task.crashes > 1) {
      const { name: call } = task.call
      const plugin = pluginOf(task.call)
      const during = plugin === undefined ? call : `${call} by ${plugin}`
      const message = `store: the compute worker ended twice during ${during} (${reason}); the call is given up`
      const data = { call, reason, ...(plugin !== undefined && { plugin }) }
      this.#settle(() => task.reject(new PeergradError('crashed', message, data)))
      return
    }
    this.#worker = this.#spawn()
    this.#worker.post(task.call)
  }

  #settle(finish: (task: Task) => void): void {
    const task = this.#running
    this.#running = undefined
    if (task === undefined) return
    task.unwatch?.()
    this.#freeScratch(task)
    finish(task)
    this.#next()
  }

  #freeScratch(task: Task): void {
    for (const vector of task.scratch.splice(0)) this.#init.free(vector)
  }
}

/** What of a user's may run in a call, as messages name it. */
function pluginOf({ name, request }: Call): string | undefined {
  if (name === 'aggregate')
    return (
      request.pre.map((each) => `pre-aggregator ${pluginName(each)}, `).join('') +
      `aggregator ${pluginName(request.rule)}`
    )
  if (name === 'filter') return `filter ${pluginName(request.filter)}`
  if ((name !== 'pack' && name !== 'unpack') || request.codec === undefined) return undefined
  return `codec ${pluginName(request.codec)}`
}

function closed(): PeergradError {
  return new PeergradError('aborted', 'store: closed, so the call was given up')
}
