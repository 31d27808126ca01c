/** Milliseconds between two beats of a peer, and at most among many. */
export const BEAT = 500
const LONGEST = 4000
/** Peers of whom each sends and hears as many beats a second as it can well do with. */
const MANY = 128

/**
 * Milliseconds between two beats of a peer that says nothing new, by the members of its view: everybody beats to everybody, so
 * from MANY on a peer beats as much rarer as there are more. Well below what the network takes for a dead connection
 * (`network/silences.ts`).
 */
export function beatInterval(members: number): number {
  return Math.min(LONGEST, BEAT * Math.max(1, members / MANY))
}
