import { isBuiltIn, PeergradError, type ErrorCode } from '@peergrad/core'
import { aggregators, codecs, filters, preAggregators, strategies } from '@peergrad/strategies'
import type { CellPlan } from './cells.js'

/** What no other peer brings about: this machine cannot, or a part of the program was used wrongly. */
const OURS: ReadonlySet<ErrorCode> = new Set([
  'argument',
  'unknown',
  'missing',
  'duplicate',
  'shape',
  'full',
  'crashed',
  'unsupported',
  'internal'
])

/** The same of a hostile peer, which others may cut off from what it misses, and which is killed when they have ended. */
const OF_HOSTILE: ReadonlySet<ErrorCode> = new Set([
  'argument',
  'shape',
  'full',
  'unsupported',
  'internal',
  'non-finite'
])

/**
 * Throws what ended peers of a run where that says nothing of attack and defence: an attack that broke did not play, and this
 * machine, or a mistake of ours, is no attack. A plug-in of the user's that ends an honest peer is no defence, and the run is worth
 * what it came to.
 * @param ended what an honest peer ended with before its time
 * @param hostile what hostile ones ended with
 */
export function checkMeaning(
  { ended, hostile }: { ended: PeergradError | undefined; hostile: readonly PeergradError[] },
  { manifest, attack }: CellPlan
): void {
  const plugin = `attack ${attack?.attack.name}`
  const broken = hostile.find(({ data }) => data['plugin'] === plugin)
  if (broken !== undefined) throw broken
  if (ended !== undefined) {
    if (OURS.has(ended.code) && (ended.data['plugin'] === undefined || allBuiltIn(manifest))) throw ended
    return
  }
  const error = hostile.find(({ code }) => OF_HOSTILE.has(code))
  if (error === undefined) return
  throw new PeergradError(error.code, `${plugin}: its peer did not play to the end: ${error.message}`, { plugin })
}

function allBuiltIn({ strategy, aggregator, preAggregators: pre, filter, codec }: CellPlan['manifest']): boolean {
  return (
    isBuiltIn(strategies, strategy) &&
    isBuiltIn(aggregators, aggregator) &&
    pre.every((text) => isBuiltIn(preAggregators, text)) &&
    (filter === 'auto' || isBuiltIn(filters, filter)) &&
    isBuiltIn(codecs, codec)
  )
}
