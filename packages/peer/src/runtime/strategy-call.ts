import {
  layoutLength,
  PeergradError,
  pluginError,
  replace,
  type ErrorCode,
  type GradientStore,
  type RoundContext,
  type Strategy
} from '@peergrad/core'
import { deferred } from '../deferred.js'

/** Calls of the context that the runtime ends by itself, whatever happens: a strategy may wait for them. */
const ENDS: readonly (keyof RoundContext)[] = [
  'gradient',
  'given',
  'lasting',
  'agreed',
  'fetch',
  'aggregate',
  'publish',
  'receive'
]

/** What takes time of a store, but its end. */
type Stored = Exclude<
  {
    [K in keyof GradientStore]-?: NonNullable<GradientStore[K]> extends (...args: never[]) => Promise<unknown>
      ? K
      : never
  }[keyof GradientStore],
  'close'
>

/** And of the own store, which may stand still for a while. */
const STORED: Record<Stored, true> = {
  put: true,
  get: true,
  has: true,
  delete: true,
  keys: true,
  average: true,
  aggregate: true,
  applyUpdate: true,
  filter: true,
  pack: true,
  unpack: true,
  slice: true,
  join: true,
  combine: true,
  feedback: true,
  length: true,
  digest: true,
  verify: true,
  usage: true
}

/** What the own store says of keys that the strategy gave it. */
const KEYS: readonly ErrorCode[] = ['missing', 'shape', 'conflict']

/**
 * One call of a strategy's `round`. Its mistakes name it: `internal` when it throws, `argument` when what it returns is
 * no key of the own store, `timeout` when for `limit` milliseconds it neither ends nor waits for anything of the run.
 */
export async function callStrategy(strategy: Strategy, context: RoundContext, limit: number): Promise<string> {
  const who = `strategy ${strategy.name}`
  const watch = new Watch(context, limit)
  let key: unknown
  try {
    key = await Promise.race([strategy.round(watch.context), watch.idle])
  } catch (thrown) {
    const error = pluginError(who, thrown)
    const { peers, plugin } = error.data
    if (!KEYS.includes(error.code) || peers !== undefined || plugin !== undefined) throw error
    if (error.code === 'missing' && (await isLost(error, context))) throw error
    throw new PeergradError(error.code, `${who}: ${error.message}`, { ...error.data, plugin: who }, { cause: thrown })
  } finally {
    watch.stop()
  }
  if (key === IDLE) {
    const message = `${who}: round ${context.round} has not ended, and for ${limit / 1000} s it has waited for nothing of the run`
    throw new PeergradError('timeout', message, { plugin: who })
  }
  await checkResult(strategy, context, key)
  return key as string
}

/** Whether the database lost what is missing, which is no mistake of the strategy: it says so, or has no state any more. */
async function isLost({ data }: PeergradError, { store, state }: RoundContext): Promise<boolean> {
  return data.lost === true || !(await store.has(state))
}

/** Error `argument` unless it is the key of a vector that is as long as the model, and of an update no model. */
async function checkResult(
  { name, ownModels }: Strategy,
  { store, engine, round, state }: RoundContext,
  key: unknown
): Promise<void> {
  const who = `strategy ${name}`
  if (key === state && ownModels !== true) {
    const message = `${who}: round ${round} returned the state that it began from, expected the key of an update, or ownModels`
    throw new PeergradError('argument', message, { plugin: who })
  }
  const expected = layoutLength(engine.layout)
  const length = typeof key === 'string' && (await store.has(key)) ? await store.length(key) : undefined
  if (length === expected) return
  const what = length === undefined ? 'which is not there' : `of ${length} floats`
  const got = typeof key === 'string' ? `"${key}", ${what}` : typeof key
  const message = `${who}: round ${round} returned ${got}, expected the key of a vector of ${expected} floats in the own store`
  throw new PeergradError('argument', message, { plugin: who })
}

const IDLE = Symbol('idle')

/** Tells when a strategy does nothing. Counted in two halves: a process that stood still is late for one only. */
class Watch {
  readonly context: RoundContext
  readonly #clock: RoundContext['clock']
  readonly #half: number
  readonly #idle = deferred<typeof IDLE>()
  #waiting = 0
  #stopped = false
  #cancel: () => void = () => {}

  constructor(context: RoundContext, limit: number) {
    this.#clock = context.clock
    this.#half = limit / 2
    const { store } = context
    const watched = ENDS.map((name) => [name, this.#watched(context[name] as Call)] as const)
    const stored = namesOf(STORED).map((name) => [name, this.#watched((store[name] as Call).bind(store))] as const)
    this.context = { ...context, ...Object.fromEntries(watched), store: replace(store, Object.fromEntries(stored)) }
    context.signal.addEventListener('abort', () => this.stop(), { once: true })
    this.#begin()
  }

  get idle(): Promise<typeof IDLE> {
    return this.#idle.promise
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #watched(call: Call): Call {
    return async (...args) => {
      this.#waiting += 1
      this.#cancel()
      try {
        return await call(...args)
      } finally {
        this.#waiting -= 1
        if (this.#waiting === 0) this.#begin()
      }
    }
  }

  #begin(): void {
    if (this.#stopped) return
    const { after } = this.#clock
    this.#cancel = after(this.#half, () => {
      this.#cancel = after(this.#half, () => this.#idle.resolve(IDLE))
    })
  }
}

type Call = (...args: unknown[]) => Promise<unknown>

function namesOf<K extends string>(record: Record<K, true>): K[] {
  return Object.keys(record) as K[]
}
