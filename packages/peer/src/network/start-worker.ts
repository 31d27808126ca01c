import { Worker } from 'node:worker_threads'
import { PeergradError, type PeerId } from '@peergrad/core'
import { onAbort } from '../deferred.js'
import type { FromWorker, WorkerInit } from './protocol.js'

/** Starts the network thread. Resolves when it listens. Errors: what it says, `crashed`, why the signal aborted. */
export async function startWorker(init: WorkerInit, signal?: AbortSignal): Promise<{ worker: Worker; self: PeerId }> {
  const file = new URL('../bundled/network-worker.js', import.meta.url)
  const worker = new Worker(file, { workerData: init, name: 'peergrad-network' })
  try {
    return { worker, self: await whenReady(worker, signal) }
  } catch (error) {
    await worker.terminate()
    throw error
  }
}

function whenReady(worker: Worker, signal: AbortSignal | undefined): Promise<PeerId> {
  return new Promise((resolve, reject) => {
    const forget = signal && onAbort(signal, () => reject(PeergradError.from(signal.reason)))
    const onError = (cause: unknown) => {
      forget?.()
      reject(crash(cause))
    }
    worker.once('error', onError)
    const onMessage = (message: FromWorker) => {
      if (message.type !== 'ready' && message.type !== 'failed') return
      forget?.()
      worker.off('error', onError)
      worker.off('message', onMessage)
      if (message.type === 'ready') resolve(message.self)
      else reject(PeergradError.fromJSON(message.error))
    }
    worker.on('message', onMessage)
  })
}

export function crash(cause: unknown): PeergradError {
  return new PeergradError('crashed', `the network thread ended: ${PeergradError.from(cause).message}`, {}, { cause })
}
