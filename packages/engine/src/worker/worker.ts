import { parentPort, workerData, type MessagePort } from 'node:worker_threads'

import { Arena, PeergradError } from '@peergrad/core'

import { Claim, type Answers, type FromWorker, type Job, type ToWorker, type WorkerInit } from './protocol.js'
import { Trainer } from './trainer.js'
import { backends } from '../backends/index.js'
import { loadModel } from '../models/load.js'

/** The thread of one engine worker: starts the back end, builds the model, then answers one job after the other. */
async function main(port: MessagePort, init: WorkerInit): Promise<void> {
  const send = (message: FromWorker) => port.postMessage(message)
  const fail = (thrown: unknown) => send({ kind: 'error', error: PeergradError.from(thrown).toJSON() })
  // a model that waits for what never comes is for the limit to end, which names it: not for Node, which finds nothing to do
  port.ref()
  try {
    const arena = Arena.attach(init.memory)
    const claim = new Int32Array(init.claim)
    const backend = backends.find(({ name }) => name === init.backend)
    if (backend === undefined) throw new PeergradError('unknown', `engine: no back end is called "${init.backend}"`)
    const running = await backend.start(init.asked)
    const model = await loadModel(init.model, running, init.dataset)
    const trainer = new Trainer(running, model, init.dataset)
    let last = Promise.resolve()
    port.on('message', (message: ToWorker) => {
      last = last.then(() => {
        if (message.kind !== 'close') {
          const tensors = () => running.tf.memory().numTensors
          return run({ job: message, trainer, arena, claim, tensors }).then(
            (value) => send({ kind: 'answer', value }),
            fail
          )
        }
        running.close?.()
        process.exit(0)
      })
    })
    send({ kind: 'ready', layout: trainer.layout, endsItself: running.close !== undefined })
  } catch (thrown) {
    fail(thrown)
  }
}

async function run({
  job,
  trainer,
  arena,
  claim,
  tensors
}: {
  job: Job
  trainer: Trainer
  arena: Arena
  claim: Int32Array
  tensors: () => number
}): Promise<Answers[Job['kind']]> {
  switch (job.kind) {
    case 'gradient': {
      const [state, into] = [arena.view(job.state), arena.view(job.into)]
      return (await trainer.gradient(state, job.minibatch, into, () => mayWrite(claim))) ?? givenUp()
    }
    case 'evaluate': {
      const { split, samples } = job
      const cancelled = () => Atomics.load(claim, 0) === Claim.cancelled
      return (await trainer.evaluate(arena.view(job.state), split, samples, cancelled)) ?? givenUp()
    }
    case 'initialise':
      if (mayWrite(claim)) trainer.initialise(job.seed, arena.view(job.into))
      return null
    case 'describe':
      return trainer.describe()
    case 'memory':
      return { tensors: tensors() }
  }
}

/** Takes the right to write from the caller, or learns that the caller gave up. */
function mayWrite(claim: Int32Array): boolean {
  return Atomics.compareExchange(claim, 0, Claim.open, Claim.writing) === Claim.open
}

function givenUp(): never {
  throw new PeergradError('aborted', 'engine: the call was given up')
}

if (parentPort !== null) await main(parentPort, workerData as WorkerInit)
