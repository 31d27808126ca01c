import assert from 'node:assert/strict'
import type { Aggregator, Trials } from '@peergrad/core'

/** Magnitude of inputs up to which a rule must give a finite result, unless it says another. */
export const LARGEST = 1e30

/** The numbers of inputs, of at most nine, that a rule's condition allows. */
export function countsOf(rule: Aggregator): { min: number; max: number } {
  const allowed = Array.from({ length: 9 }, (_, i) => i + 1).filter((n) => rule.check(n) === undefined)
  assert.ok(allowed.length > 0, 'check allows none of 1 to 9 inputs; say `counts`')
  return { min: allowed[0], max: allowed[allowed.length - 1] }
}

/** What a rule that judges by losses is told: each input is the better the more it points upwards. */
export function triedBy({ trials }: Aggregator, inputs: readonly (readonly number[])[]): Trials | undefined {
  if (trials === undefined) return undefined
  const losses = inputs.map((row) => row.reduce((sum, x) => sum - Math.fround(x), 0) / row.length)
  return { stepSize: 0.1, losses }
}
