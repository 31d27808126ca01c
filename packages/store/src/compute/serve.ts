import {
  Arena,
  createKernels,
  PeergradError,
  type Digest,
  type Kernels,
  type Team,
  type Vector,
  type VectorHandle
} from '@peergrad/core'
import { SCRATCH, type Answer, type Boot, type Call, type JobName, type Jobs } from './jobs.js'
import { filter } from './run-filter.js'
import { pack, unpack } from './run-packing.js'
import { aggregate } from './run-rule.js'
import { update } from './run-update.js'

/** What a platform gives its compute worker. */
export interface Platform {
  post(answer: Answer): void
  /** SHA-256 of bytes in shared memory */
  sha256(bytes: Uint8Array<SharedArrayBuffer>): Digest
  /** threads that large calls of kernels are divided among */
  readonly team?: Team
}

/** What a job has in hand inside the worker. */
export interface JobContext {
  readonly kernels: Kernels
  view(handle: VectorHandle): Vector
  /** memory of the arena that is this job's until it ends, handed out again after `release` */
  scratch(length: number): { vector: Vector; release(): void }
  /** A result whose length was not known before: it stays when the job ends well. Its handle goes into the result. */
  make(length: number): Vector
  handle(vector: Vector): VectorHandle
  sha256(vector: Vector): Digest
}

type Handlers = { [K in JobName]: (request: Jobs[K]['request'], context: JobContext) => Promise<Jobs[K]['result']> }

const handlers: Handlers = {
  async average({ from, to }, { kernels, view }) {
    kernels.mean(view(to), from.map(view))
  },
  aggregate,
  update,
  filter,
  pack,
  unpack,
  async join({ from, to }, { view }) {
    const out = view(to)
    let at = 0
    for (const handle of from) {
      const part = view(handle)
      out.set(part, at)
      at += part.length
    }
  },
  async combine({ terms: [first, ...others], to }, { kernels, view }) {
    const out = view(to)
    kernels.scale(out, view(first.vector), first.factor)
    for (const { vector, factor } of others) kernels.axpy(out, factor, view(vector))
  },
  async feedback({ rest, sent, shared, to }, { kernels, view }) {
    const out = view(to)
    const part = (handle: VectorHandle) => view(handle).subarray(0, out.length)
    kernels.copy(out, part(sent))
    kernels.axpy(out, -1, part(shared))
    kernels.axpy(out, 1, part(rest))
  },
  async digest({ vector }, { view, sha256 }) {
    return sha256(view(vector))
  },
  async verify({ vector }, { kernels, view, sha256 }) {
    const x = view(vector)
    return { digest: sha256(x), firstNonFinite: kernels.firstNonFinite(x), norm: Math.sqrt(kernels.squaredNorm(x)) }
  },
  async equal({ a, b }, { view }) {
    return sameBits(view(a), view(b))
  }
}

/** The compute worker: answers each call that is handed to the returned function. Calls must not overlap. */
export function serve(boot: Boot, platform: Platform): (call: Call) => Promise<void> {
  const arena = Arena.attach(boot.memory)
  const kernels = createKernels({ memory: boot.memory, team: platform.team })
  const view = (handle: VectorHandle) => arena.view(handle)
  const askFor = asking(boot, platform, view)
  return async (call) => {
    const made: number[] = []
    let over = false
    const ask = (length: number) => {
      if (over) throw new PeergradError('argument', `store: got a request for scratch of ${call.name}, which is over`)
      return askFor(call.id, length)
    }
    const make = (length: number) => {
      const vector = ask(length)
      made.push(vector.byteOffset)
      return vector
    }
    try {
      const result = await handle(call.name, call.request, {
        kernels,
        view,
        scratch: scratchPool(ask),
        make,
        handle: (vector) => arena.handle(vector),
        sha256: (vector) => platform.sha256(arena.bytes(arena.handle(vector)))
      })
      over = true
      platform.post({ type: 'result', id: call.id, result, made })
    } catch (thrown) {
      over = true
      platform.post({ type: 'error', id: call.id, error: PeergradError.from(thrown).toJSON() })
    }
  }
}

function handle<K extends JobName>(
  name: K,
  request: Jobs[K]['request'],
  context: JobContext
): Promise<Jobs[K]['result']> {
  return handlers[name](request, context)
}

/** Scratch of one job, handed out again after its release. */
function scratchPool(ask: (length: number) => Vector): JobContext['scratch'] {
  const free: Vector[] = []
  return (length) => {
    const kept = free.findIndex((vector) => vector.length === length)
    const [vector = ask(length)] = kept < 0 ? [] : free.splice(kept, 1)
    let held = true
    return {
      vector,
      release() {
        if (held) free.push(vector)
        held = false
      }
    }
  }
}

/** Memory is asked of the arena's owner while this thread sleeps; the owner frees it when the job ends. */
function asking(boot: Boot, platform: Platform, view: JobContext['view']): (id: number, length: number) => Vector {
  const states = new Int32Array(boot.control)
  const words = new Uint32Array(boot.control)
  return (id, length) => {
    Atomics.store(states, 0, SCRATCH.asked)
    platform.post({ type: 'scratch', id, length })
    // what wakes it may be the late notice of an answer that it saw before it slept
    while (Atomics.load(states, 0) === SCRATCH.asked) Atomics.wait(states, 0, SCRATCH.asked)
    if (Atomics.load(states, 0) === SCRATCH.refused) {
      throw new PeergradError('full', `store: no room for ${length} floats of scratch`)
    }
    return view({ byteOffset: words[1], length })
  }
}

function sameBits(a: Vector, b: Vector): boolean {
  if (a.length !== b.length) return false
  const x = new Uint32Array(a.buffer, a.byteOffset, a.length)
  const y = new Uint32Array(b.buffer, b.byteOffset, b.length)
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}
