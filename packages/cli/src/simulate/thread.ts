import { Worker } from 'node:worker_threads'
import { PeergradError } from '@peergrad/core'
import type { Measurement } from './measurement.js'
import type { Progress } from './run.js'
import type { Answer, Task } from './worker.js'

/** Share of the memory that is to be had now which the heap of one run may use. */
const MEMORY = 0.85

/**
 * One run in a thread of its own, which gives all memory back when it ends and may use more than the main thread's heap
 * has. Errors: those of the run; `full` when the memory did not do; why the signal aborted.
 */
export function measureInThread(
  task: Task,
  { onProgress, signal }: { onProgress: (progress: Progress) => void; signal: AbortSignal }
): Promise<Measurement> {
  const maxOldGenerationSizeMb = Math.floor((process.availableMemory() * MEMORY) / 2 ** 20)
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: task,
    name: 'peergrad-simulation',
    resourceLimits: { maxOldGenerationSizeMb }
  })
  let giveUp = () => {}
  return new Promise<Measurement>((resolve, reject) => {
    giveUp = () => reject(PeergradError.from(signal.reason))
    signal.addEventListener('abort', giveUp, { once: true })
    worker.on('message', (answer: Answer) => {
      if (answer.type === 'progress') onProgress(answer.progress)
      else if (answer.type === 'measurement') resolve(answer.measurement)
      else reject(PeergradError.fromJSON(answer.error))
    })
    worker.on('error', (thrown: unknown) => reject(threadError(thrown, task)))
    worker.on('exit', (code) => reject(new PeergradError('crashed', `the simulation ended with exit code ${code}`)))
  }).finally(() => {
    signal.removeEventListener('abort', giveUp)
    return worker.terminate()
  })
}

function threadError(thrown: unknown, { manifest }: Task): PeergradError {
  if (!(thrown instanceof Error) || !('code' in thrown) || thrown.code !== 'ERR_WORKER_OUT_OF_MEMORY')
    return PeergradError.from(thrown)
  const message = `${manifest.strategy} with ${manifest.peers} peers: the memory of this machine did not do; take fewer peers or a smaller --model-size`
  return new PeergradError('full', message, {}, { cause: thrown })
}
