import type { Aggregator } from '../contracts/aggregator.js'
import { ATTACK_LEVELS, type Attack, type AttackLevel } from '../contracts/attack.js'
import type { Codec } from '../contracts/codec.js'
import type { DatasetSource } from '../contracts/dataset.js'
import type { Filter } from '../contracts/filter.js'
import type { Partitioner } from '../contracts/partitioner.js'
import type { PreAggregator } from '../contracts/pre-aggregator.js'
import type { StoreDriver } from '../contracts/store-driver.js'
import type { GradientStore } from '../contracts/store.js'
import type { Strategy } from '../contracts/strategy.js'
import { PeergradError } from '../errors.js'
import { checkOptimiser, type OptimiserSpec } from '../optimiser.js'

/** What the factory of each kind of plug-in makes. A model's is a function that builds it from the engine's tfjs. */
export interface Plugins {
  strategy: Strategy
  aggregator: Aggregator
  'pre-aggregator': PreAggregator
  filter: Filter
  codec: Codec
  model: (components: never) => unknown
  dataset: DatasetSource
  partition: Partitioner
  store: StoreDriver
  attack: Attack
}

interface Member {
  readonly expected: string
  fits(value: unknown): boolean
}

/** The members of something; those that it may lack may be left out here. */
export type Shape<T> = {
  readonly [K in keyof T as undefined extends T[K] ? never : K]: Member
} & { readonly [K in keyof T]?: Member }

export const fn: Member = { expected: 'a function', fits: (value) => typeof value === 'function' }
const word: Member = { expected: 'a name', fits: (value) => typeof value === 'string' && value !== '' }
const sentence: Member = { expected: 'a sentence', fits: (value) => typeof value === 'string' }
export const list: Member = { expected: 'a list', fits: Array.isArray }
const count: Member = {
  expected: 'a whole number from 1',
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= 1
}
const object: Member = { expected: 'an object', fits: (value) => typeof value === 'object' && value !== null }
const storeRule: Member = {
  expected: "the name of a rule, as in { name: 'mean' }",
  fits: (value) => typeof value === 'object' && value !== null && word.fits(Reflect.get(value, 'name'))
}
const trialRequest: Member = {
  expected: 'the samples to judge by, as in { samples: 128 }',
  fits: (value) => typeof value === 'object' && value !== null && count.fits(Reflect.get(value, 'samples'))
}
const flag: Member = { expected: 'true or false', fits: (value) => typeof value === 'boolean' }
const borne: Member = {
  expected: 'a whole number from 0',
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= 0
}
const optimiser: Member = { expected: "an optimiser, as in { name: 'sgd', learningRate: 1 }", fits: isOptimiser }
const oneOf = (...words: string[]): Member => ({
  expected: `one of ${words.join(', ')}`,
  fits: (value) => words.includes(value as string)
})
const optional = ({ expected, fits }: Member): Member => ({
  expected,
  fits: (value) => value === undefined || fits(value)
})

const named = { name: word, describe: sentence }

/** What is checked of each kind before a run starts. */
const SHAPES: { readonly [K in Exclude<keyof Plugins, 'model'>]: Shape<Pick<Plugins[K], keyof Plugins[K]>> } = {
  strategy: {
    ...named,
    minibatches: count,
    kind: oneOf('exchange', 'single'),
    refuses: optional(fn),
    ownModels: optional(flag),
    neighbours: optional(fn),
    combines: optional(flag),
    overLinks: optional(flag),
    filter: optional(word),
    steps: optional(count),
    outer: optional(optimiser),
    retire: optional(fn),
    traffic: fn,
    round: fn
  },
  aggregator: {
    ...named,
    inStore: optional(storeRule),
    perCoordinate: optional(flag),
    f: optional(borne),
    byKernels: optional(flag),
    buffers: optional(oneOf('median')),
    trials: optional(trialRequest),
    check: fn,
    aggregate: fn
  },
  'pre-aggregator': {
    ...named,
    f: optional(borne),
    byKernels: optional(flag),
    check: fn,
    count: fn,
    apply: fn
  },
  filter: { ...named, significance: optional(fn), apply: fn },
  codec: { ...named, feedback: optional(flag), bytes: fn, encode: fn, decode: fn },
  dataset: { ...named, load: fn, find: optional(fn) },
  partition: { name: word, partition: fn },
  store: { ...named, open: fn },
  attack: { ...named, level: oneOf(...ATTACK_LEVELS), holds: sentence, knows: list }
}

const WIRE = { transport: optional(word), identities: optional(count), arm: fn }

/** What an attack does, by its level. */
const ATTACK_WORK: { readonly [K in AttackLevel]: Readonly<Record<string, Member>> } = {
  data: { corrupt: fn, aim: optional(fn) },
  gradient: { craft: fn },
  payload: WIRE,
  protocol: WIRE
}

export const GRADIENT_STORE: Shape<GradientStore> = {
  name: word,
  capabilities: object,
  lease: fn,
  put: fn,
  get: fn,
  has: fn,
  delete: fn,
  keys: fn,
  average: fn,
  aggregate: fn,
  applyUpdate: fn,
  filter: fn,
  pack: fn,
  unpack: fn,
  slice: fn,
  join: fn,
  combine: fn,
  feedback: fn,
  length: fn,
  digest: fn,
  verify: fn,
  usage: fn,
  close: fn
}

/** Error `argument` names the member of `who` that is missing or of another type. */
export function checkShape<T>(who: string, value: unknown, shape: Shape<T>): asserts value is T {
  for (const [name, member] of Object.entries<Member>(shape)) {
    const got: unknown =
      (typeof value === 'object' || typeof value === 'function') && value !== null
        ? Reflect.get(value, name)
        : undefined
    if (member.fits(got)) continue
    const what = got === undefined ? `has no "${name}"` : `has ${kindOf(got)} as "${name}"`
    throw new PeergradError('argument', `${who} ${what}, expected ${member.expected}`, { plugin: who, member: name })
  }
}

/** The same for what a factory of this kind made. */
export function checkPlugin<K extends keyof Plugins>(kind: K, who: string, made: unknown): asserts made is Plugins[K] {
  if (kind !== 'model') {
    checkShape(who, made, SHAPES[kind as Exclude<K, 'model'>] as Shape<unknown>)
    if (kind === 'attack') checkShape(who, made, ATTACK_WORK[(made as Attack).level] as Shape<unknown>)
    return
  }
  if (typeof made === 'function') return
  const message = `${who} is ${kindOf(made)}, expected a function of { tf, layers, shape, classes }`
  throw new PeergradError('argument', message, { plugin: who })
}

/** How messages call a value of the wrong kind. */
export function kindOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined || value === null) return String(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function isOptimiser(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || typeof Reflect.get(value, 'learningRate') !== 'number')
    return false
  try {
    checkOptimiser(value as OptimiserSpec)
    return true
  } catch {
    return false
  }
}
