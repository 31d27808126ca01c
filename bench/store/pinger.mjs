/**
 * Another client of a server, that pings it. It has a thread of its own, so that it waits for the server alone and not for
 * what the working client does meanwhile.
 */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Redis } from 'ioredis'

export async function startPinger(path) {
  const worker = new Worker(new URL(import.meta.url), { workerData: path })
  await once(worker, 'message')
  return {
    /** Pings one after the other until the returned function is called; that resolves to the longest, in milliseconds. */
    async watch() {
      const over = new Int32Array(new SharedArrayBuffer(4))
      worker.postMessage(over)
      await once(worker, 'message')
      return async () => {
        Atomics.store(over, 0, 1)
        const [longest] = await once(worker, 'message')
        return longest
      }
    },
    close: () => worker.terminate()
  }
}

if (!isMainThread) {
  const redis = new Redis(workerData)
  await redis.ping()
  parentPort.on('message', async (over) => {
    parentPort.postMessage('pinging')
    let longest = 0
    while (Atomics.load(over, 0) === 0) {
      const started = performance.now()
      await redis.ping()
      longest = Math.max(longest, performance.now() - started)
    }
    parentPort.postMessage(longest)
  })
  parentPort.postMessage('ready')
}
