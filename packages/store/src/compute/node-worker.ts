import { createHash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { Boot, Call } from './jobs.js'
import { nodeTeam } from './node-team.js'
import { serve } from './serve.js'

const boot = workerData as Boot
const answer = serve(boot, {
  post: (message) => parentPort?.postMessage(message),
  sha256: (bytes) => createHash('sha256').update(bytes).digest('hex'),
  team: nodeTeam(boot.memory)
})
parentPort?.on('message', (call: Call) => void answer(call))
