import type { Clock } from '@peergrad/core'

/** Pieces of work of one call that are under way at once: each holds some kilobytes. */
const AT_ONCE = 256
/** Milliseconds after which a piece of work does not count any more: who stalls holds nobody else up for longer. */
const COUNTS = 1000

/**
 * Does the work of each item, all at once where they are few, and settles when all is settled, in their order whatever order
 * they begin in: from `first` on, and around.
 */
export async function inTurns<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  { clock, first }: { clock: Pick<Clock, 'after'>; first: number }
): Promise<PromiseSettledResult<R>[]> {
  const { length } = items
  const done = new Array<Promise<R>>(length)
  let begun = 0
  let counted = 0
  await new Promise<void>((resolve) => {
    const begin = () => {
      while (begun < length && counted < AT_ONCE) start((first + begun++) % length)
      if (begun === length) resolve()
    }
    const start = (index: number) => {
      counted += 1
      let counts = true
      const over = () => {
        if (!counts) return
        counts = false
        cancel()
        counted -= 1
        begin()
      }
      const cancel = length > AT_ONCE ? clock.after(COUNTS, over) : () => {}
      done[index] = work(items[index])
      done[index].then(over, over)
    }
    begin()
  })
  return Promise.allSettled(done)
}
