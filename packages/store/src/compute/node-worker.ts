import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { Boot, Call } from './jobs.js'
import { serve } from './serve.js'

const answer = serve(workerData as Boot, {
  post: (message) => parentPort?.postMessage(message),
  sha256: (bytes) => createHash('sha256').update(bytes).digest('hex')
})
parentPort?.on('message', (call: Call) => void answer(call))
