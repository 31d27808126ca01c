/**
 * A sequence that only grows. Each one is a value of its own, and yet those that grew out of one another share one
 * array: an older one sees its first `length` items. So a state can be kept for the price of a few numbers, and going
 * through the same events again from it fills no second array.
 */
export interface Series<T> {
  readonly length: number
  /** may hold more than `length`: what later ones appended */
  readonly items: readonly T[]
}

export function emptySeries<T>(): Series<T> {
  return { length: 0, items: [] }
}

export function append<T>({ length, items }: Series<T>, item: T): Series<T> {
  if (length < items.length) {
    if (items[length] === item) return { length: length + 1, items }
    // another future of the same past
    return { length: length + 1, items: [...items.slice(0, length), item] }
  }
  ;(items as T[]).push(item)
  return { length: length + 1, items }
}

export function last<T>({ length, items }: Series<T>): T | undefined {
  return length === 0 ? undefined : items[length - 1]
}

/** The last `count` items, or all there are. */
export function tail<T>({ length, items }: Series<T>, count: number): readonly T[] {
  return items.slice(Math.max(0, length - count), length)
}

/** How many items at the start have a time up to this one; the items are in order of time. */
export function countUntil<T extends { readonly time: number }>({ length, items }: Series<T>, time: number): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((items[middle] as T).time <= time) low = middle + 1
    else high = middle
  }
  return low
}
