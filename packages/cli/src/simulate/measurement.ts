/** Of all peers: the middle one, and the one that has most. */
export interface Spread {
  readonly median: number
  readonly worst: number
}

/** What one strategy did among so many peers. All of it follows from the seed. */
export interface Measurement {
  readonly strategy: string
  readonly peers: number
  readonly rounds: number
  /** virtual seconds from the start of the first round until every peer had ended the last one */
  readonly seconds: number
  /** bytes of tensors that a peer sent and received in a round, as counted on its links */
  readonly bytes: Spread
  /** the same by the strategy's formula */
  readonly formula: Spread
  /** bytes of messages and beats that a peer sent and received in a round */
  readonly control: Spread
  /** the furthest that a peer is from its formula, as a share of that */
  readonly deviation: number
  /** callbacks of the virtual clock: messages, transfers and time-outs that took place */
  readonly events: number
  /** of the last parameters, which all peers hold */
  readonly parametersHash: string
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
  return { median, worst: sorted.at(-1) ?? 0 }
}
