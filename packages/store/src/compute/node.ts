import { Worker } from 'node:worker_threads'
import type { Spawn } from './compute.js'
import type { Answer, Call } from './jobs.js'

/** The compute worker as a thread of Node. */
export const spawnThread: Spawn = (boot, on) => {
  const worker = new Worker(new URL('../bundled/node-worker.js', import.meta.url), {
    workerData: boot,
    name: 'peergrad-store'
  })
  let reason: string | undefined
  worker.on('message', (answer: Answer) => on.answer(answer))
  worker.on('error', (error) => (reason = error instanceof Error ? error.message : String(error)))
  worker.on('exit', (code) => on.exited(reason ?? `exit code ${code}`))
  return {
    post: (call: Call) => worker.postMessage(call),
    terminate: async () => void (await worker.terminate())
  }
}
