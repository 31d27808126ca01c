import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type SimulationNodeDatum
} from 'd3-force'

export interface Place {
  readonly id: string
  readonly x: number
  readonly y: number
}

interface Node extends SimulationNodeDatum {
  readonly id: string
}

/** Half the side of the square that the swarm lies in. */
export const EXTENT = 100
/** Steps after which the forces are at rest. */
const STEPS = 150

/**
 * Where the peers of a swarm lie: those that are linked attract, all repel one another. The same swarm lies the same
 * way each time; it is calculated to its end and does not move about.
 */
export function layout(ids: readonly string[], pairs: readonly (readonly [string, string])[]): Place[] {
  const nodes: Node[] = ids.map((id) => ({ id }))
  const links = pairs.map(([source, target]) => ({ source, target }))
  forceSimulation(nodes)
    .force('repel', forceManyBody().strength(-400))
    .force('apart', forceCollide(30))
    .force('x', forceX(0).strength(0.1))
    .force('y', forceY(0).strength(0.1))
    .force(
      'link',
      forceLink<Node, { source: string | Node; target: string | Node }>(links)
        .id(({ id }) => id)
        .distance(90)
        .strength(0.3 / Math.max(1, ids.length))
    )
    .stop()
    .tick(STEPS)
  const furthest = Math.max(1, ...nodes.flatMap(({ x = 0, y = 0 }) => [Math.abs(x), Math.abs(y)]))
  return nodes.map(({ id, x = 0, y = 0 }) => ({ id, x: (x / furthest) * EXTENT, y: (y / furthest) * EXTENT }))
}
