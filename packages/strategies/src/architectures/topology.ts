import { PeergradError, random } from '@peergrad/core'

export const TOPOLOGIES = ['ring', 'torus', 'random', 'full', 'sunlet'] as const
type Topology = (typeof TOPOLOGIES)[number]

/** Places next to each of n places, 0 … n − 1; symmetric, connected, nobody next to itself. */
export type Neighbours = readonly (readonly number[])[]

/** Tries at a random regular graph before the ring that it is made of is taken. */
const TRIES = 100

/**
 * - `ring`: the one before and the one after
 * - `torus`: four of a grid that is as square as n allows, and closes on itself; a ring when n is a prime
 * - `random`: a regular graph of this degree (the ring and random matchings beside it; one place has a degree less when n
 *   and the degree are odd), the same for the same seed
 * - `full`: all others
 * - `sunlet`: a ring of the first `core` places; each other one is next to a place of the ring alone, in turn
 */
export function neighbours(
  topology: Topology,
  n: number,
  { degree, core, seed }: { degree: number; core: number; seed: number }
): Neighbours {
  if (topology === 'sunlet') return sunlet(n, Math.min(core, n))
  if (topology === 'full' || n <= 3) return graph(n, (i) => range(n).filter((j) => j !== i))
  if (topology === 'ring') return graph(n, (i) => [i - 1, i + 1])
  if (topology === 'torus') return torus(n)
  return regular(n, Math.min(degree, n - 1), seed)
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

/** A ring of shuffled places, and matchings beside it until the degree is reached. */
function regular(n: number, degree: number, seed: number): Neighbours {
  if (degree < 2) throw new PeergradError('argument', `gossip.degree: got ${degree}, expected at least 2`)
  const stream = random(seed, 'topology', n)
  const order = stream.shuffle(range(n))
  const edges = range(n).map(() => new Set<number>())
  const join = (a: number, b: number) => {
    edges[a].add(b)
    edges[b].add(a)
  }
  order.forEach((place, i) => join(place, order[(i + 1) % n]))
  for (let round = 2; round < degree; round++) {
    for (let tries = 0; tries < TRIES; tries++) {
      const shuffled = stream.shuffle(range(n))
      const pairs = range(Math.floor(n / 2)).map((i) => [shuffled[2 * i], shuffled[2 * i + 1]] as const)
      if (pairs.some(([a, b]) => edges[a].has(b))) continue
      for (const [a, b] of pairs) join(a, b)
      break
    }
  }
  return edges.map((each) => [...each].sort((a, b) => a - b))
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
