import { createKernels, random, type Aggregator, type PreAggregator, type Trials, type Vector } from '@peergrad/core'

export function vector(row: ArrayLike<number>): Vector {
  const made = new Float32Array(new SharedArrayBuffer(4 * row.length))
  made.set(row)
  return made
}

const kernels = createKernels()
const scratch = (length: number) => ({ vector: vector(Array<number>(length).fill(NaN)), release: () => {} })

/** What a rule makes of rows. */
export function aggregate(rule: Aggregator, rows: number[][], samples = rows.map(() => 1), trials?: Trials): number[] {
  const out = vector(rows[0]!)
  rule.aggregate({ vectors: rows.map(vector), samples, out, kernels, random: random(1), scratch, trials })
  return [...out]
}

/** What a pre-aggregator makes of rows. */
export function prepare(pre: PreAggregator, rows: number[][], seed = 1): number[][] {
  return pre.apply({ vectors: rows.map(vector), kernels, random: random(seed), scratch }).map((each) => [...each])
}
