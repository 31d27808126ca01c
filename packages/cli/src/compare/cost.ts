import type { Phase, PhasePlaces, PhaseTimes } from '@peergrad/core'
import type { Prices } from './prices.js'

/** What a run used, as far as a price is put on it. */
export interface Used {
  /** name of the strategy, without options */
  readonly strategy: string
  /** on the average of the rounds */
  readonly peers: number
  /** synchronisations */
  readonly rounds: number
  /** minibatches of each peer in one synchronisation */
  readonly minibatches: number
  /** minibatches that a peer computed at once */
  readonly threads: number
  readonly seconds: number
  /** GB (2^30 bytes) of memory of a peer at its peak */
  readonly gigabytes: number
  /** seconds in each phase, summed over the peers */
  readonly phases: PhaseTimes
  /** where each phase was worked on; null when not known */
  readonly places: PhasePlaces | null
}

/** What is paid for. */
export type CostPart = 'functions' | 'orchestration' | 'storage' | 'database' | 'instances'

/** Dollars that the run would have cost there, with the seconds and memory measured here. */
export interface Cost {
  /** whose architecture it is priced as */
  readonly model: string
  readonly parts: Readonly<Partial<Record<CostPart, number>>>
  readonly dollars: number
}

type Formula = (used: Used, prices: Prices) => Cost['parts']

/** Phases in which a peer only waits: in SPIRT the state machine does, and no function is billed. */
const WAITING: readonly Phase[] = ['wait', 'agree', 'sync']
/** GB of the smallest stage of SPIRT in [CMP24], one that only calls its database. */
const CALLER_GIGABYTES = 128 / 1024
/** State transitions of a peer and synchronisation beside its minibatches. */
const TRANSITIONS = 8
/** GB of MLLess's supervisor, which has one processor and no model. Assumed: neither paper says. */
const SUPERVISOR_GIGABYTES = 1769 / 1024

/** C_lambda: seconds of functions that hold so many GB; `invocations` functions run `seconds` each. */
export function lambdaDollars(
  { invocations, seconds, gigabytes }: { invocations: number; seconds: number; gigabytes: number },
  prices: Prices
): number {
  return invocations * seconds * gigabytes * prices.lambdaGigabyteSecond
}

/** Every peer is one function for the whole run. */
const functions: Formula = ({ peers: invocations, seconds, gigabytes }, prices) => ({
  functions: lambdaDollars({ invocations, seconds, gigabytes }, prices) + invocations * prices.lambdaRequest
})

/** Σ_stage inv·s·GB·p + n·redis·T/3600 + n·(8+M)·transition + messages·queue, for each synchronisation. */
const spirt: Formula = ({ peers, rounds, minibatches, threads, seconds, gigabytes, phases, places }, prices) => {
  const stages = (Object.keys(phases) as Phase[]).filter((phase) => !WAITING.includes(phase))
  const dollars = stages.map((phase) => {
    const memory = places?.[phase] === 'database' ? CALLER_GIGABYTES : gigabytes
    const invocations = phase === 'compute' ? threads : 1
    return lambdaDollars({ invocations, seconds: phases[phase] ?? 0, gigabytes: memory }, prices)
  })
  const others = stages.filter((phase) => phase !== 'compute').length
  // each peer announces once and reads what the n − 1 others announce
  const messages = rounds * peers * peers
  const requests = rounds * peers * (minibatches + others) * prices.lambdaRequest
  return {
    functions: dollars.reduce((sum, each) => sum + each, requests),
    orchestration:
      rounds * peers * (TRANSITIONS + minibatches) * prices.stepFunctionsTransition + messages * prices.queueRequest,
    database: hours(peers, seconds) * prices.hour.spirtDatabase
  }
}

/** Objects written, listed and read in one synchronisation. A waiting function lists at least once, and is counted so. */
type Objects = (peers: number) => { readonly put: number; readonly list: number; readonly get: number }

const lambdaMl =
  (objects: Objects): Formula =>
  (used, prices) => ({ ...functions(used, prices), storage: storage(used, objects, prices) })

/** All give their vector, the aggregator reads those of the others and gives the merged one, which the others read. */
const ALL_REDUCE: Objects = (n) => ({ put: n + 1, list: n, get: 2 * (n - 1) })
/** All give n − 1 chunks and the merged own one, and read n − 1 of each. */
const SCATTER_REDUCE: Objects = (n) => ({ put: n * n, list: 2 * n, get: 2 * n * (n - 1) })
/** All give their vector and read all n. */
const ALL_GATHER: Objects = (n) => ({ put: n, list: 0, get: n * n })

/** (n·T·GB_worker + T·GB_supervisor)·p + (redis + broker)·T/3600 */
const mlless: Formula = (used, prices) => {
  const { seconds } = used
  return {
    ...functions(used, prices),
    orchestration: lambdaDollars({ invocations: 1, seconds, gigabytes: SUPERVISOR_GIGABYTES }, prices),
    database: hours(1, seconds) * (prices.hour.smallDatabase + prices.hour.broker)
  }
}

/** n·0.526·T/3600 + PUT·5e-6 + GET·4e-7 */
const gpu: Formula = (used, prices) => ({
  instances: hours(used.peers, used.seconds) * prices.hour.gpu,
  storage: storage(used, ALL_GATHER, prices)
})

/** By the name of the strategy; one that is in no paper is priced as functions that run from start to end. */
const FORMULAS: Readonly<Record<string, readonly [model: string, formula: Formula]>> = {
  spirt: ['SPIRT: functions by stage, a database for each peer', spirt],
  'all-reduce': ['LambdaML: functions and S3', lambdaMl(ALL_REDUCE)],
  'scatter-reduce': ['LambdaML: functions and S3', lambdaMl(SCATTER_REDUCE)],
  mlless: ['MLLess: functions, a supervisor, Redis and a broker', mlless],
  'all-gather': ['GPU baseline: instances and S3', gpu]
}
const OTHERS = ['functions alone', functions] as const

export function costOf(used: Used, prices: Prices): Cost {
  const [model, formula] = FORMULAS[used.strategy] ?? OTHERS
  const parts = formula(used, prices)
  return { model, parts, dollars: Object.values(parts).reduce((sum, part) => sum + part, 0) }
}

/** The same seconds on the papers' machines, whatever the strategy: functions, c5.xlarge or g4dn.xlarge for each peer. */
export function elsewhere({ peers, seconds, gigabytes }: Used, prices: Prices): Elsewhere {
  return {
    lambda: lambdaDollars({ invocations: peers, seconds, gigabytes }, prices),
    ec2: hours(peers, seconds) * prices.hour.spirtDatabase,
    gpu: hours(peers, seconds) * prices.hour.gpu
  }
}

export interface Elsewhere {
  readonly lambda: number
  readonly ec2: number
  readonly gpu: number
}

export function scalePhases(phases: PhaseTimes, factor: number): PhaseTimes {
  return Object.fromEntries(Object.entries(phases).map(([phase, seconds]) => [phase, seconds * factor]))
}

function storage({ peers, rounds }: Used, objects: Objects, prices: Prices): number {
  const { put, list, get } = objects(peers)
  return rounds * (put * prices.s3Put + list * prices.s3List + get * prices.s3Get)
}

function hours(instances: number, seconds: number): number {
  return (instances * seconds) / 3600
}
