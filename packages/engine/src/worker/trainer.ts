import { PeergradError, random, type Dataset, type Layout, type Minibatch } from '@peergrad/core'
import type { NamedTensorMap, Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs-core'

import { Batches } from './batch.js'
import type { Answers, LayersModelFile } from './protocol.js'
import type { Running } from '../backends/backend.js'
import { initialise } from '../models/initialise.js'
import { inLayoutOrder, layoutOf, type Model } from '../models/model.js'

/** samples in one forward pass of an evaluation */
const EVALUATION_BATCH = 100

/** Asked before results are written; false when the caller gave up. */
export type MayWrite = () => boolean

/** Gradients and evaluations of one model on one back end, on flat vectors. One call at a time. */
export class Trainer {
  readonly layout: Layout
  readonly #running: Running
  readonly #model: Model
  readonly #dataset: Dataset
  readonly #batches: Batches
  /** the model's variables in the layout's order */
  readonly #variables: Model['variables']

  constructor(running: Running, model: Model, dataset: Dataset) {
    this.#running = running
    this.#model = model
    this.#dataset = dataset
    this.#batches = new Batches(dataset)
    this.layout = layoutOf(model.tensors)
    this.#variables = inLayoutOrder(
      model.variables.map((variable, index) => ({ variable, trainable: model.tensors[index]?.trainable === true }))
    ).map(({ variable }) => variable)
  }

  initialise(seed: number, into: Float32Array): void {
    initialise(this.#model.tensors, this.layout, seed, into)
  }

  /** Mean gradient and new buffers over a minibatch to `into`; see core's GradientRequest. Undefined when given up. */
  async gradient(
    state: Float32Array,
    minibatch: Minibatch,
    into: Float32Array,
    mayWrite: MayWrite
  ): Promise<Answers['gradient'] | undefined> {
    const start = performance.now()
    const { tf, upload } = this.#running
    const samples = minibatch.samples.length
    // this thread's own: dropout and noise layers of tfjs-layers draw their seeds from it
    Math.random = random(minibatch.seed, 'layers').uniform
    this.#assign(state)
    const x = upload(this.#batches.training(minibatch), [samples, ...this.#dataset.shape])
    const labels = this.#labels('train', minibatch.samples)
    const trainable = this.#variables.filter((_, index) => this.#isParameter(index))
    const { value, grads } = tf.variableGrads(() => this.#meanLoss(x, labels), trainable)
    try {
      const [loss = NaN] = await value.data<'float32'>()
      if (!mayWrite()) return undefined
      await this.#write(grads, into)
      return { loss, samples, milliseconds: performance.now() - start }
    } finally {
      tf.dispose([x, labels, value])
      tf.dispose(grads)
    }
  }

  /** Sum of the losses and number of right answers over samples of a split. Undefined when given up. */
  async evaluate(
    state: Float32Array,
    split: 'train' | 'test',
    samples: Uint32Array,
    givenUp: () => boolean
  ): Promise<Answers['evaluate'] | undefined> {
    const { tf, upload } = this.#running
    this.#assign(state)
    let loss = 0
    let correct = 0
    for (let first = 0; first < samples.length; first += EVALUATION_BATCH) {
      if (givenUp()) return undefined
      const batch = samples.subarray(first, first + EVALUATION_BATCH)
      const x = upload(this.#batches.plain(split, batch), [batch.length, ...this.#dataset.shape])
      const labels = this.#labels(split, batch)
      const sums = tf.tidy(() => {
        const logits = this.#model.forward(x, false)
        const right = tf.equal(tf.argMax(logits, -1), tf.argMax(labels, -1))
        const total = tf.mul(crossEntropy(this.#running, labels, logits), batch.length)
        return tf.stack([total, tf.sum(tf.cast(right, 'float32'))])
      })
      const [batchLoss = NaN, batchCorrect = NaN] = await sums.data<'float32'>()
      tf.dispose([x, labels, sums])
      loss += batchLoss
      correct += batchCorrect
    }
    return { loss, correct, samples: samples.length }
  }

  /** The model as a LayersModel of tfjs. Error `unsupported` when it is none. */
  async describe(): Promise<LayersModelFile> {
    const { tensors } = this.#model
    if (this.#model.describe === undefined) {
      const message =
        'model: it is not made of layers of tfjs, so there is no LayersModel of it; a checkpoint has its weights'
      throw new PeergradError('unsupported', message)
    }
    const { topology, weights } = this.#model.describe(await this.#running.layers())
    const slots = new Map(inLayoutOrder(tensors).map((tensor, index) => [tensor, this.layout.slots[index]]))
    return {
      topology,
      weights: weights.map(({ name, tensor }) => {
        const slot = slots.get(tensors[tensor])
        if (slot !== undefined) return { ...slot, name }
        throw new PeergradError('internal', `model: the layer weight "${name}" is none of its tensors`)
      })
    }
  }

  #meanLoss(x: Tensor, labels: Tensor2D): Scalar {
    return crossEntropy(this.#running, labels, this.#model.forward(x, true))
  }

  #isParameter(index: number): boolean {
    return (this.layout.slots[index]?.offset ?? 0) < this.layout.parameters
  }

  /**
   * New tensors for new values: XNNPACK keeps packed copies of a filter by its tensor's identity. Peers of a simulation, and
   * the minibatches of a round, start from the same ones.
   */
  #assign(state: Float32Array): void {
    this.layout.slots.forEach(({ offset, length, shape }, index) => {
      const values = state.subarray(offset, offset + length)
      const variable = this.#variables[index]
      if (variable === undefined || this.#running.holds?.(variable, values) === true) return
      const value = this.#running.upload(values, shape)
      variable.assign(value)
      value.dispose()
    })
  }

  async #write(gradients: NamedTensorMap, into: Float32Array): Promise<void> {
    for (const [index, { offset, length }] of this.layout.slots.entries()) {
      const variable = this.#variables[index]
      if (variable === undefined) continue
      const value = this.#isParameter(index) ? gradients[variable.name] : variable
      const place = into.subarray(offset, offset + length)
      if (value === undefined) place.fill(0)
      else await this.#running.download(value, place)
    }
  }

  /** One row for each sample, 1 at its class. */
  #labels(split: 'train' | 'test', samples: Uint32Array): Tensor2D {
    const { classes } = this.#dataset
    const { labels } = this.#dataset[split]
    const rows = new Float32Array(samples.length * classes)
    for (const [i, sample] of samples.entries()) {
      const label = labels[sample]
      if (label === undefined) {
        const message = `engine: got sample ${sample} of the ${split} split, expected one below ${labels.length}`
        throw new PeergradError('argument', message)
      }
      rows[i * classes + label] = 1
    }
    return this.#running.tf.tensor2d(rows, [samples.length, classes])
  }
}

/** Mean softmax cross-entropy; softmax(logits) − labels is its gradient. */
function crossEntropy({ tf }: Running, labels: Tensor2D, logits: Tensor): Scalar {
  const operation = tf.customGrad((...args) => {
    const [scores, save] = args as [Tensor2D, (tensors: Tensor[]) => void]
    const logProbabilities = tf.logSoftmax(scores)
    save([logProbabilities])
    const count = scores.shape[0]
    return {
      value: tf.div(tf.neg(tf.sum(tf.mul(labels, logProbabilities))), count),
      gradFunc: (dy: Tensor, [saved]: Tensor[]) =>
        saved === undefined ? [] : [tf.mul(tf.sub(tf.exp(saved), labels), tf.div(dy, count))]
    }
  })
  return operation(logits) as Scalar
}
