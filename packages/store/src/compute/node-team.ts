import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { Team } from '@peergrad/core'

/** Threads of a team: memory keeps no more of them busy. */
const MOST = 8

/** Threads of Node for the kernels of this thread on this memory; undefined where there is one processor. */
export function nodeTeam(memory: WebAssembly.Memory, size = Math.min(MOST, availableParallelism())): Team | undefined {
  if (size < 2) return undefined
  return new Team({
    size,
    start(control) {
      for (let helper = 1; helper < size; helper++) {
        const worker = new Worker(new URL('../bundled/node-helper.js', import.meta.url), {
          workerData: { memory, control },
          name: 'peergrad-kernels'
        })
        // one that cannot start is not waited for
        worker.on('error', () => {})
        worker.unref()
      }
    }
  })
}
