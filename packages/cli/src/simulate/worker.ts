import { parentPort, workerData } from 'node:worker_threads'
import { PeergradError, type Options, type RunManifest } from '@peergrad/core'
import { checkComponents } from '../compose.js'
import type { LinkPlan } from './links.js'
import type { Measurement } from './measurement.js'
import { measureRun, type Progress } from './run.js'

/** What one run is made of, as it goes to the thread. */
export interface Task {
  readonly manifest: RunManifest
  readonly options: Options
  readonly links: LinkPlan
  readonly floats: number
  readonly compute: number
}

export type Answer =
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'measurement'; readonly measurement: Measurement }
  | { readonly type: 'error'; readonly error: ReturnType<PeergradError['toJSON']> }

const post = (answer: Answer) => parentPort?.postMessage(answer)

try {
  const { options, ...task } = workerData as Task
  const parts = await checkComponents(task.manifest, options)
  post({
    type: 'measurement',
    measurement: await measureRun({ ...task, parts, onProgress: (progress) => post({ type: 'progress', progress }) })
  })
} catch (thrown) {
  post({ type: 'error', error: PeergradError.from(thrown).toJSON() })
}
