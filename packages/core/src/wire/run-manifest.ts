import * as z from '../bundled/zod.js'
import { FAILURE_POLICIES, RUN_VERSION, type RunManifest } from '../contracts/run-manifest.js'

const text = z.string().max(1024)
const positive = z.number().positive()
const count = z.int().min(0)
const weightDecay = z.number().min(0).optional()
const momentum = z.number().min(0).lt(1).optional()
const adam = { learningRate: positive, weightDecay, beta1: momentum, beta2: momentum, epsilon: positive.optional() }

const optimiser = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('sgd'), learningRate: positive, weightDecay }),
  z.strictObject({ name: z.literal('momentum'), learningRate: positive, weightDecay, momentum }),
  z.strictObject({ name: z.literal('nesterov'), learningRate: positive, weightDecay, momentum }),
  z.strictObject({ name: z.literal('adam'), ...adam }),
  z.strictObject({ name: z.literal('adamw'), ...adam })
])

/** characters: a list of some 900 peers, so that a greeting with it is a control message */
const ADMISSION_LIMIT = 48_000

/** The form that a manifest must have when it comes from another peer. */
export const runManifestSchema: z.ZodType<RunManifest> = z.strictObject({
  version: z.literal(RUN_VERSION),
  model: text,
  dataset: text,
  partition: text,
  strategy: text,
  aggregator: text,
  preAggregators: z.array(text).max(8),
  filter: text,
  codec: text,
  optimiser,
  schedule: text,
  workerMomentum: z.number().min(0).lt(1),
  batch: z.int().min(1),
  minibatches: z.int().min(1),
  every: z.int().min(1),
  epochs: z.number().min(0),
  rounds: count,
  targetAccuracy: z.number().min(0).max(1),
  seed: count,
  peers: z.int().min(1).max(1024),
  minPeers: z.int().min(0).max(1024),
  deadline: positive,
  grace: positive,
  onFailure: z.enum(FAILURE_POLICIES),
  maxNorm: z.number().min(0),
  admission: z.string().max(ADMISSION_LIMIT)
})
