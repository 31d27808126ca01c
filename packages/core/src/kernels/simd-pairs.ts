import type { Vector } from '../vector.js'
import type { KernelModule } from './module.js'
import type { RuleKernels } from './kernels.js'
import { WIDENED, withWidened } from './widened-blocks.js'

/** Inputs on each side of a panel. */
const PANEL = WIDENED / 2
const ROWS = 2
const COLUMNS = 4
/** Pairs that are measured together where they are in no tile. */
const PAIRS = 4
/** Of a pair: two by the lanes of index 0 and 1 mod 4, two by the others. */
const SUMS = 4

/** Pairs that are measured together, and the inputs of which the kernel wants the addresses, all by index. */
interface Together {
  readonly members: readonly number[]
  readonly pairs: readonly (readonly [number, number])[]
}

/** A panel's pairs: two inputs with four later ones each, and what is left. */
interface Panel {
  readonly tiles: readonly Together[]
  readonly groups: readonly Together[]
}

/** Distances of all pairs: one pass over memory for every two panels of inputs. */
export function simdPairs(wasm: KernelModule, buffer: SharedArrayBuffer): Pick<RuleKernels, 'pairDistances'> {
  function measure(inputs: readonly Vector[], { tiles, groups }: Panel, distances: Float64Array): void {
    const n = inputs.length
    const all = [...tiles, ...groups]
    const members = [...new Set(all.flatMap((each) => each.members))]
    const lengthOf = (some: readonly Together[]) => some.reduce((sum, { pairs }) => sum + pairs.length * SUMS, 0)
    const some = members.map((member) => inputs[member])
    withWidened({ wasm, buffer }, some, lengthOf(all) * 8, ({ blocks, words, each }, at) => {
      const sums = new Float64Array(buffer, at, lengthOf(all)).fill(0)
      const table = (which: readonly Together[]) =>
        words(which.flatMap((one) => one.members.map((member) => blocks[members.indexOf(member)])))
      const [tilesAt, groupsAt, groupSums] = [table(tiles), table(groups), at + lengthOf(tiles) * 8]
      each((_, count) => {
        wasm.addTiles(tilesAt, tiles.length, at, count)
        wasm.addPairs(groupsAt, groups.length, groupSums, count)
      })
      let first = 0
      for (const { pairs } of all) {
        for (const [p, [i, j]] of pairs.entries()) {
          const [lower, upper] = [first + 2 * p, first + 2 * (pairs.length + p)]
          const distance = sums[lower] + sums[lower + 1] + (sums[upper] + sums[upper + 1])
          if (i < j) distances[i * n + j] = distances[j * n + i] = distance
        }
        first += pairs.length * SUMS
      }
    })
  }

  return {
    pairDistances(inputs, { index, of } = { index: 0, of: 1 }) {
      const n = inputs.length
      const distances = new Float64Array(n * n)
      const share = (some: readonly Together[]) => some.filter((_, k) => k % of === index)
      for (let top = 0; top < n; top += PANEL) {
        for (let left = top; left < n; left += PANEL) {
          const [tiles, groups] = [share(tilesOf(n, top, left)), share(top === left ? groupsOf(n, top) : [])]
          if (tiles.length + groups.length > 0) measure(inputs, { tiles, groups }, distances)
        }
      }
      return distances
    }
  }
}

/** Inputs of the panel at `top` with those of the panel at `left` that are in a later four. The last ones are repeated. */
function tilesOf(n: number, top: number, left: number): Together[] {
  const tiles: Together[] = []
  const some = (first: number, count: number) => Array.from({ length: count }, (_, k) => Math.min(first + k, n - 1))
  for (let row = top; row < Math.min(top + PANEL, n); row += ROWS) {
    const later = Math.floor(row / COLUMNS + 1) * COLUMNS
    for (let column = Math.max(left, later); column < Math.min(left + PANEL, n); column += COLUMNS) {
      const [rows, columns] = [some(row, ROWS), some(column, COLUMNS)]
      tiles.push({ members: [...rows, ...columns], pairs: rows.flatMap((i) => columns.map((j) => [i, j] as const)) })
    }
  }
  return tiles
}

/** Inputs of the panel with those of the same four. */
function groupsOf(n: number, top: number): Together[] {
  const pairs: (readonly [number, number])[] = []
  for (let i = top; i < Math.min(top + PANEL, n); i++) {
    const end = Math.min(n, Math.floor(i / COLUMNS + 1) * COLUMNS)
    for (let j = i + 1; j < end; j++) pairs.push([i, j])
  }
  return Array.from({ length: Math.ceil(pairs.length / PAIRS) }, (_, group) => {
    const some = Array.from({ length: PAIRS }, (_, p) => pairs[Math.min(group * PAIRS + p, pairs.length - 1)])
    return { members: some.flat(), pairs: some }
  })
}
