/** An eighth of the deadline, so that there is time to ask somebody else, within these bounds in milliseconds. */
const WINDOWS = 8
const BOUNDS = { least: 250, most: 5000 }
/** Round trips that a window has at the least: one asks, one opens a stream, and one is for what was lost. */
const ROUND_TRIPS = 4

/** Milliseconds in which a holder must bring something, on a link with this round trip, before another one is asked. */
export function paceWindow(deadline: number, roundTrip = 0): number {
  const least = Math.max(BOUNDS.least, ROUND_TRIPS * roundTrip)
  return Math.min(BOUNDS.most, Math.max(least, deadline / WINDOWS))
}
