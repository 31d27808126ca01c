import { PHASES, type Phase } from '@peergrad/core'
import { bytes, percent, seconds, whole } from '../output/units.js'
import type { Finished } from './comparison.js'
import type { CostPart } from './cost.js'

/** One number of a comparison: as people read it, and as a program does in CSV. */
export interface Column {
  readonly heading: string
  /** its name in CSV, with the unit */
  readonly key: string
  /** nothing when it is not known */
  readonly value: (row: Finished) => number | null | undefined
  readonly show: (value: number) => string
  /** what stands for a value that is not known, where that says something; such a column is never left out */
  readonly unknown?: string
}

export const WORK: readonly Column[] = [
  column('time', 'seconds', ({ seconds }) => seconds, seconds),
  column('samples/s', 'samplesPerSecond', ({ samples, seconds }) => (seconds > 0 ? samples / seconds : null), whole),
  column('samples', 'samples', ({ samples }) => samples, whole),
  column('steps', 'steps', ({ steps }) => steps, whole),
  column('syncs', 'synchronisations', ({ rounds }) => rounds, whole),
  column('accuracy', 'accuracy', ({ accuracy }) => accuracy, percent),
  column(
    'loss',
    'loss',
    ({ loss }) => loss,
    (value) => value.toFixed(4)
  ),
  column('memory', 'peakMemoryBytes', ({ peakMemoryBytes }) => peakMemoryBytes, bytes)
]

export const TARGET: readonly Column[] = [
  { ...column('time', 'targetSeconds', ({ target }) => target?.seconds, seconds), unknown: 'not reached' },
  column('sent', 'targetBytes', ({ target }) => target?.bytes, bytes),
  column('cost', 'targetDollars', ({ target }) => target?.dollars, dollars),
  column('synchronisation', 'targetSynchronisation', ({ target }) => target && target.round + 1, whole),
  column('accuracy', 'targetAccuracy', ({ target }) => target?.accuracy, percent),
  column('on samples', 'targetEvaluatedSamples', ({ target }) => target?.samples, whole)
]

export const TRAFFIC: readonly Column[] = [
  column('sent', 'bytesSent', ({ traffic }) => traffic.sent, bytes),
  column('formula', 'formulaSent', ({ traffic }) => traffic.formula?.sent, bytes),
  column('received', 'bytesReceived', ({ traffic }) => traffic.received, bytes),
  column('formula', 'formulaReceived', ({ traffic }) => traffic.formula?.received, bytes),
  column('deviation', 'deviation', ({ traffic }) => traffic.deviation, signed),
  column('of vectors', 'tensorDeviation', ({ traffic }) => traffic.tensorDeviation, signed),
  // nothing to say of a run that sends all as it is
  column('saved', 'savedShare', ({ saved }) => saved || null, percent),
  column('busiest peer', 'busiestPeerBytes', ({ traffic }) => traffic.busiest, bytes)
]

export const TIMES: readonly Column[] = PHASES.map(phaseColumn)

export const COST: readonly Column[] = [
  ...(['functions', 'orchestration', 'storage', 'database', 'instances'] as const).map(costColumn),
  column('total', 'dollars', ({ cost }) => cost?.dollars, dollars),
  column('an epoch', 'dollarsPerEpoch', ({ cost, epochs }) => cost && cost.dollars / epochs, dollars),
  column('on Lambda', 'lambdaDollars', ({ elsewhere }) => elsewhere?.lambda, dollars),
  column('on EC2', 'ec2Dollars', ({ elsewhere }) => elsewhere?.ec2, dollars),
  column('on GPUs', 'gpuDollars', ({ elsewhere }) => elsewhere?.gpu, dollars)
]

function column(heading: string, key: string, value: Column['value'], show: Column['show']): Column {
  return { heading, key, value, show }
}

function phaseColumn(phase: Phase): Column {
  return column(phase, `${phase}Seconds`, ({ phases }) => phases[phase], seconds)
}

function costColumn(part: CostPart): Column {
  return column(part, `${part}Dollars`, ({ cost }) => cost?.parts[part], dollars)
}

export function dollars(value: number): string {
  return `${value === 0 ? '0' : value < 1 ? value.toPrecision(3) : value.toFixed(2)} $`
}

/** A share with its sign. */
function signed(share: number): string {
  return `${share < 0 ? '−' : '+'}${percent(Math.abs(share))}`
}
