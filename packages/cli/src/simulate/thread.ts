import { Worker } from 'node:worker_threads'
import { isBuiltIn, PeergradError, whenOverdue, type RunManifest } from '@peergrad/core'
import { aggregators, codecs, filters, strategies } from '@peergrad/strategies'
import type { Measurement } from './measurement.js'
import type { Progress } from './run.js'
import type { Answer, Task } from './worker.js'

/** Share of the memory that is to be had now which the heap of one run may use. */
const MEMORY = 0.85
/** Megabytes of the nursery, and its largest share: what a message takes with it on its way ends there, and is not copied out. */
const NURSERY = { most: 768, share: 1 / 4 }
/** Times deadline and grace in which a thread that runs plug-ins of the user's says nothing, until one is taken to loop. */
const SILENCE = 10

/**
 * One run in a thread of its own, which gives all memory back when it ends and may use more than the main thread's heap
 * has. Errors: those of the run; `full` when the memory did not do; `timeout` names the plug-ins of the user's that may loop
 * there; why the signal aborted.
 */
export function measureInThread(
  task: Task,
  { onProgress, signal }: { onProgress: (progress: Progress) => void; signal: AbortSignal }
): Promise<Measurement> {
  const heap = Math.floor((process.availableMemory() * MEMORY) / 2 ** 20)
  const maxYoungGenerationSizeMb = Math.floor(Math.min(NURSERY.most, heap * NURSERY.share))
  const worker = new Worker(new URL('../simulate/worker.js', import.meta.url), {
    workerData: task,
    name: 'peergrad-simulation',
    resourceLimits: { maxOldGenerationSizeMb: heap - maxYoungGenerationSizeMb, maxYoungGenerationSizeMb }
  })
  const own = ownPlugins(task.manifest)
  let giveUp = () => {}
  let unwatch = () => {}
  return new Promise<Measurement>((resolve, reject) => {
    giveUp = () => reject(PeergradError.from(signal.reason))
    signal.addEventListener('abort', giveUp, { once: true })
    const silence = SILENCE * (task.manifest.deadline + task.manifest.grace)
    const watch = () => {
      unwatch()
      if (own.length > 0) unwatch = whenOverdue(silence, () => reject(loops(own, silence)))
    }
    watch()
    worker.on('message', (answer: Answer) => {
      watch()
      if (answer.type === 'progress') onProgress(answer.progress)
      else if (answer.type === 'measurement') resolve(answer.measurement)
      else reject(PeergradError.fromJSON(answer.error))
    })
    worker.on('error', (thrown: unknown) => reject(threadError(thrown, task)))
    worker.on('exit', (code) => reject(new PeergradError('crashed', `the simulation ended with exit code ${code}`)))
  }).finally(() => {
    unwatch()
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

/** The plug-ins of a simulated run that are none of ours. */
function ownPlugins({ strategy, aggregator, filter, codec }: RunManifest): string[] {
  return [
    ...(isBuiltIn(strategies, strategy) ? [] : [`strategy ${strategy}`]),
    ...(isBuiltIn(aggregators, aggregator) ? [] : [`aggregator ${aggregator}`]),
    ...(filter === 'auto' || isBuiltIn(filters, filter) ? [] : [`filter ${filter}`]),
    ...(isBuiltIn(codecs, codec) ? [] : [`codec ${codec}`])
  ]
}

function loops(own: readonly string[], milliseconds: number): PeergradError {
  const plugin = own.join(', or ')
  const message = `${plugin} has kept the simulation for ${milliseconds / 1000} s, so it was ended`
  return new PeergradError('timeout', message, { plugin })
}
