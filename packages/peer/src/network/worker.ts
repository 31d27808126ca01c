import './with-resolvers.js'
import { parentPort, workerData } from 'node:worker_threads'
import { PeergradError } from '@peergrad/core'
import { NetworkService } from './network-service.js'
import type { Calls, FromWorker, ToWorker, WorkerInit } from './protocol.js'

/** Entry of the network thread. */
const port = parentPort
if (port === null) throw new PeergradError('internal', 'the network worker was started outside of a worker thread')
const post = (message: FromWorker) => port.postMessage(message)

async function run(service: NetworkService): Promise<void> {
  const calls = new Map<number, AbortController>()

  async function call<M extends keyof Calls>(id: number, method: M, args: Calls[M]['arguments']): Promise<void> {
    const cancel = new AbortController()
    calls.set(id, cancel)
    try {
      const value = await service.handlers[method](args, cancel.signal)
      service.send({ type: 'result', id, value })
    } catch (thrown) {
      service.send({ type: 'error', id, error: PeergradError.from(thrown).toJSON() })
    } finally {
      calls.delete(id)
    }
  }

  function note(message: Parameters<NetworkService['note']>[0]): void {
    try {
      service.note(message)
    } catch (thrown) {
      const error = PeergradError.from(thrown).message
      service.send({ type: 'log', level: 'error', fields: { type: message.type, error }, message: 'note failed' })
    }
  }

  port?.on('message', (message: ToWorker) => {
    if (message.type === 'call') void call(message.id, message.method, message.arguments)
    else if (message.type === 'cancel') calls.get(message.id)?.abort()
    else note(message)
  })
  post({ type: 'ready', self: service.self })
}

try {
  await run(await NetworkService.start(workerData as WorkerInit, post))
} catch (thrown) {
  post({ type: 'failed', error: PeergradError.from(thrown).toJSON() })
}
