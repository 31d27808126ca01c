import type { Random } from '@peergrad/core'

/** 0 … count − 1 */
export function numbers(count: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: count }, (_, i) => i)
}

/** Contiguous pieces whose lengths differ by at most one, the longer first. */
export function cutEvenly(samples: Uint32Array<ArrayBuffer>, pieces: number): Uint32Array<ArrayBuffer>[] {
  const short = Math.floor(samples.length / pieces)
  const longer = samples.length % pieces
  let from = 0
  return Array.from({ length: pieces }, (_, piece) => {
    const to = from + short + (piece < longer ? 1 : 0)
    const part = samples.slice(from, to)
    from = to
    return part
  })
}

/** Sample numbers of each class, in rising order. */
export function byClass(labels: Uint8Array, classes: number): number[][] {
  const groups = Array.from({ length: classes }, (): number[] => [])
  labels.forEach((label, sample) => groups[label]?.push(sample))
  return groups
}

/** The samples sorted by label, in random order within a label. */
export function sortedByLabel(
  samples: Uint32Array<ArrayBuffer>,
  labels: Uint8Array,
  random: Random
): Uint32Array<ArrayBuffer> {
  return random.shuffle(samples).sort((a, b) => (labels[a] ?? 0) - (labels[b] ?? 0))
}
