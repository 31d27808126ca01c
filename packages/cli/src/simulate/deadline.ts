import { slowestOf } from './links.js'
import type { PeersInit } from './peers.js'

/** Virtual milliseconds of a round at least, and times that one of the slowest strategy would fit into it. */
const LEAST = 60_000
const TIMES = 10
/** Messages one after the other that a ring takes for each of its peers. */
const MESSAGES = 6

/**
 * The virtual milliseconds after which a round is given up. No contribution is late under it: a peer has time to send its
 * vector to each other one and to read theirs, one after the other over the slowest of the links. What waits longer waits for
 * ever, and is told as in a real run.
 */
export function deadlineOf({ manifest, parts, links, floats, compute }: Omit<PeersInit, 'clock' | 'emit'>): number {
  const { peers } = manifest
  const slowest = slowestOf(links)
  const exchange = (1000 * 2 * peers * 4 * floats) / slowest.bandwidth + MESSAGES * peers * slowest.latency
  return Math.ceil(LEAST + TIMES * (parts.strategy.minibatches * compute + exchange))
}
