import { Arena, PeergradError, type Aggregator, type PluginReference } from '@peergrad/core'
import { memoryStore } from '@peergrad/store'
import { worst } from './hard-inputs.js'
import type { Law } from './law.js'
import { countsOf, LARGEST, triedBy } from './rule-inputs.js'

interface EndingInit {
  readonly counts?: { readonly min: number; readonly max: number }
  readonly largest?: number
  /** milliseconds */
  readonly patience: number
}

/** In the store's worker, as in a run: a rule that does not end cannot be stopped on this thread. */
export function endsItsWork(
  create: () => Aggregator,
  rule: PluginReference,
  { counts, patience, largest = LARGEST }: EndingInit
): Law {
  return {
    name: 'ends its work, whatever the inputs',
    first: true,
    async prove() {
      const { min, max } = counts ?? countsOf(create())
      const store = await memoryStore({ arena: Arena.create({ bytes: 1 << 20 }), pluginTimeout: patience })
      const alike = Array.from({ length: min }, () => [1, 1, 1])
      try {
        for (const [set, rows] of [alike, ...worst(max, largest)].entries()) {
          const from = rows.map((_, k) => `${set}:${k}`)
          for (const [k, row] of rows.entries()) {
            const lease = store.lease(4)
            lease.vector.fill(1)
            lease.vector.set(row)
            await store.put(from[k], lease)
          }
          const trials = triedBy(create(), rows)
          const samples = rows.map(() => 1)
          const aggregating = store.aggregate({ from, to: `${set}`, rule, samples, parameters: 3, seed: 1, trials })
          await aggregating.catch((thrown: unknown) => {
            // another law says so
            if (PeergradError.from(thrown).code !== 'non-finite') throw thrown
          })
        }
      } finally {
        await store.close()
      }
    }
  }
}
