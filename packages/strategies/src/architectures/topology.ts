import { PeergradError, random } from '@peergrad/core'

export const TOPOLOGIES = ['ring', 'torus', 'random', 'full', 'sunlet'] as const
type Topology = (typeof TOPOLOGIES)[number]

/** Places next to each of n places, 0 … n − 1; symmetric, connected, nobody next to itself. */
export type Neighbours = readonly (readonly number[])[]

/** Swaps for each edge of a random graph, after which nothing is seen of how it began. */
const SWAPS = 10

/**
 * - `ring`: the one before and the one after
 * - `torus`: four of a grid that is as square as n allows, and closes on itself; a ring when n is a prime
 * - `random`: a regular graph of this degree (one place has a degree less when n and the degree are odd), the same for the
 *   same seed
 * - `full`: all others
 * - `sunlet`: a ring of the first `core` places; each other one is next to a place of the ring alone, in turn
 */
export function neighbours(
  topology: Topology,
  n: number,
  { degree, core, seed }: { degree: number; core: number; seed: number }
): Neighbours {
  if (topology === 'sunlet') return sunlet(n, Math.min(core, n))
  if (topology === 'full' || n <= 3 || (topology === 'random' && degree >= n - 1))
    return graph(n, (i) => range(n).filter((j) => j !== i))
  if (topology === 'ring') return graph(n, (i) => [i - 1, i + 1])
  if (topology === 'torus') return torus(n)
  return regular(n, degree, seed)
}

/**
 * Metropolis–Hastings weights (Xiao and Boyd, 2004): w_ij = 1/(1 + max(d_i, d_j)) for neighbours, the rest for i itself:
 * symmetric and doubly stochastic, so the mean of the models stays the mean.
 */
export function metropolis(
  graph: Neighbours,
  i: number
): { readonly self: number; readonly others: readonly number[] } {
  const others = graph[i].map((j) => 1 / (1 + Math.max(graph[i].length, graph[j].length)))
  return { self: 1 - others.reduce((sum, weight) => sum + weight, 0), others }
}

function sunlet(n: number, core: number): Neighbours {
  const ring = neighbours('ring', core, { degree: 2, core, seed: 0 })
  return range(n).map((place) =>
    place >= core
      ? [place % core]
      : [...ring[place], ...range(n).filter((leaf) => leaf >= core && leaf % core === place)]
  )
}

function torus(n: number): Neighbours {
  const rows = range(Math.floor(Math.sqrt(n)) + 1).findLast((rows) => rows > 0 && n % rows === 0) ?? 1
  const columns = n / rows
  return graph(n, (i) => {
    const [row, column] = [Math.floor(i / columns), i % columns]
    const at = (r: number, c: number) => ((r + rows) % rows) * columns + ((c + columns) % columns)
    return [at(row - 1, column), at(row + 1, column), at(row, column - 1), at(row, column + 1)]
  })
}

/**
 * A ring of shuffled places, so that it is connected, and beside it a regular graph of two degrees less, whose edges swap
 * ends until they are random.
 */
function regular(n: number, degree: number, seed: number): Neighbours {
  if (degree < 2) throw new PeergradError('argument', `gossip.degree: got ${degree}, expected at least 2`)
  const stream = random(seed, 'topology', n)
  const order = stream.shuffle(range(n))
  const next = range(n).map(() => new Set<number>())
  const join = (a: number, b: number) => {
    next[a].add(b)
    next[b].add(a)
  }
  const part = (a: number, b: number) => {
    next[a].delete(b)
    next[b].delete(a)
  }
  order.forEach((place, i) => join(place, order[(i + 1) % n]))
  const chords = chordsOf(n, degree).map(([i, j]): [number, number] => [order[i], order[j]])
  for (const [a, b] of chords) join(a, b)
  for (let swap = 0; swap < SWAPS * chords.length; swap++) {
    const [one, other] = [stream.below(chords.length), stream.below(chords.length)]
    const [a, b] = chords[one]
    const [c, d] = stream.below(2) === 0 ? chords[other] : [chords[other][1], chords[other][0]]
    if (a === d || c === b || next[a].has(d) || next[c].has(b)) continue
    part(a, b)
    part(c, d)
    join(a, d)
    join(c, b)
    chords[one] = [a, d]
    chords[other] = [c, b]
  }
  return next.map((each) => [...each].sort((a, b) => a - b))
}

/** Edges across a ring of n places, so that each place has degree − 2 of them; one place has one less when it cannot be. */
function chordsOf(n: number, degree: number): [number, number][] {
  const lengths = range(Math.floor(degree / 2) - 1).map((k) => k + 2)
  const chords = lengths.flatMap((length) => range(n).map((i): [number, number] => [i, (i + length) % n]))
  const half = Math.floor(n / 2)
  return degree % 2 === 0 ? chords : [...chords, ...range(half).map((i): [number, number] => [i, i + half])]
}

function graph(n: number, next: (i: number) => readonly number[]): Neighbours {
  return range(n).map((i) => {
    const places = next(i).map((j) => (j + n) % n)
    return [...new Set(places)].filter((j) => j !== i).sort((a, b) => a - b)
  })
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i)
}
