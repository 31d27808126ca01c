import { loadPlugin } from '@peergrad/core'
import type { MemoryPlace } from '../memory/memory-place.js'
import type { PlaceAggregation, PlaceUpdate } from '../place.js'
import type { Columns } from './columns.js'
import type { RemoteTensor } from './remote-tensor.js'
import type { DenseWork } from './vectors.js'

/** Work here on vectors that a server only keeps, column by column, with the bits of work on the whole. */
export class Streamed implements DenseWork {
  readonly #columns: Columns
  readonly #memory: MemoryPlace

  constructor(columns: Columns, memory: MemoryPlace) {
    this.#columns = columns
    this.#memory = memory
  }

  average(from: readonly RemoteTensor[], to: RemoteTensor): Promise<void> {
    return this.#columns.each(from, [to], ({ inputs, outputs: [out] }) => this.#memory.average(inputs, out))
  }

  /** False for a rule that looks at whole vectors. */
  async aggregate(request: PlaceAggregation<RemoteTensor>): Promise<boolean> {
    const { perCoordinate } = await loadPlugin('aggregator', request.rule)
    if (perCoordinate !== true) return false
    const { from, to, parameters } = request
    const tensors = from.map(({ tensor }) => tensor)
    await this.#columns.each(tensors, [to], ({ start, inputs, outputs: [out] }) =>
      this.#memory.aggregate({
        ...request,
        from: inputs.map((tensor, k) => ({ key: from[k].key, tensor })),
        to: out,
        parameters: within(parameters - start, out.length)
      })
    )
    return true
  }

  async update(request: PlaceUpdate<RemoteTensor>): Promise<void> {
    const { from, fromState, gradient, to, toState, parameters } = request
    const moments = fromState.filter((tensor) => tensor !== undefined)
    const read = [from, gradient.tensor, ...moments]
    await this.#columns.each(read, [to, ...toState], ({ start, inputs, outputs }) => {
      const [state, given, ...old] = inputs
      const [out, ...next] = outputs
      return this.#memory.update({
        ...request,
        from: state,
        fromState: next.map((_, i) => old[i]),
        to: out,
        toState: next,
        gradient: { key: gradient.key, tensor: given },
        parameters: within(parameters - start, out.length)
      })
    })
  }
}

function within(count: number, length: number): number {
  return Math.max(0, Math.min(count, length))
}
