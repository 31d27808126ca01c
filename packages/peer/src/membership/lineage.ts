import type { Lineage } from '@peergrad/core'

export function sameLineage(a: Lineage, b: Lineage): boolean {
  return a.founder === b.founder && a.founded === b.founded
}

/**
 * Which of two foundings of one run goes on when they meet: one that trains before one that waits for peers, then the
 * older one, then the one of the smaller id. Both sides come to the same answer.
 */
export function precedes(
  a: { lineage: Lineage; running: boolean },
  b: { lineage: Lineage; running: boolean }
): boolean {
  if (a.running !== b.running) return a.running
  if (a.lineage.founded !== b.lineage.founded) return a.lineage.founded < b.lineage.founded
  return a.lineage.founder < b.lineage.founder
}
