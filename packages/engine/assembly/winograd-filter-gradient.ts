import { Geometry } from './geometry'
import { multiplyPanels } from './multiply'
import { panelFloats } from './pack'
import { clear } from './simd'
import { TILE_BYTES, TILE_COLUMNS, TILE_ROWS } from './tiles'
import { GAP } from './winograd'
import { filterGradientLine } from './winograd-lines'
import {
  HEADER, inputAddresses, outputAddresses, Plane, PLANE_BYTES, PRODUCTS, TABLE_BYTES, tileCount, transformInput,
  transformOutputGradient,
} from './winograd-tiles'

/** Tiles that are transformed at a time: the depth of one product. */
const BLOCK: i32 = 64

export function winogradFilterGradientScratch(g: Geometry): usize {
  const sums = g.inChannels * g.outChannels
  const panels = BLOCK * g.inChannels + panelFloats(BLOCK, g.outChannels)
  const matrices = (<usize>PRODUCTS) * (((<usize>(sums + panels)) << 2) + 3 * GAP)
  const zeros = (<usize>max(g.inChannels, g.outChannels)) << 2
  return HEADER + TILE_BYTES + TABLE_BYTES + PLANE_BYTES + zeros + matrices
}

/** dfilter = Gᵀ [Σ over tiles of (Bᵀ x B) ⊙ (A dy Aᵀ)] G, where the sum is 36 products of matrices. */
export function winogradFilterGradient(g: Geometry, x: usize, dy: usize, dfilter: usize, scratch: usize): void {
  const p = changetype<Plane>(scratch)
  p.batch = g.batch
  p.inHeight = g.inHeight
  p.inWidth = g.inWidth
  p.inChannels = g.inChannels
  p.outHeight = g.outHeight
  p.outWidth = g.outWidth
  p.outChannels = g.outChannels
  p.padTop = g.padTop
  p.padLeft = g.padLeft
  const rows = g.inChannels
  const columns = g.outChannels
  const spare = scratch + HEADER
  const addresses = spare + TILE_BYTES
  const plane = addresses + TABLE_BYTES
  const zeros = plane + PLANE_BYTES
  const sums = zeros + ((<usize>max(rows, columns)) << 2)
  const sumStep = ((<usize>(rows * columns)) << 2) + GAP
  const inputs = sums + (<usize>PRODUCTS) * sumStep
  const inputStep = ((<usize>(BLOCK * rows)) << 2) + GAP
  const outputs = inputs + (<usize>PRODUCTS) * inputStep
  const outputStep = ((<usize>panelFloats(BLOCK, columns)) << 2) + GAP
  clear(zeros, max(rows, columns))
  const tiles = tileCount(p)
  for (let start = 0; start < tiles; start += BLOCK) {
    const depth = min(tiles - start, BLOCK)
    for (let t = 0; t < depth; t++) {
      inputAddresses(p, x, start + t, zeros, addresses)
      for (let c = 0; c < rows; c += TILE_ROWS) {
        transformInput(addresses, c << 2, plane, inputs + ((<usize>(c * depth + t * TILE_ROWS)) << 2), inputStep)
      }
      outputAddresses(p, dy, start + t, zeros, addresses)
      for (let c = 0; c < columns; c += 4) {
        const place = (c & ~(TILE_COLUMNS - 1)) * depth + t * TILE_COLUMNS + (c & (TILE_COLUMNS - 1))
        transformOutputGradient(addresses, c << 2, plane, outputs + ((<usize>place) << 2), outputStep)
      }
    }
    for (let i = 0; i < PRODUCTS; i++) {
      const a = inputs + (<usize>i) * inputStep
      const b = outputs + (<usize>i) * outputStep
      multiplyPanels(rows, columns, depth, a, b, sums + (<usize>i) * sumStep, (<usize>columns) << 2, start > 0, spare)
    }
  }
  const tap = (<usize>(rows * columns)) << 2
  for (let place: usize = 0; place < tap; place += 16) transformSums(sums + place, sumStep, plane, dfilter + place, tap)
}

/** Gᵀ s G of four lanes from 36 places `step` bytes apart to nine `tap` bytes apart. */
function transformSums(from: usize, step: usize, plane: usize, to: usize, tap: usize): void {
  const line = 6 * step
  for (let j = 0; j < 6; j++) {
    filterGradientLine(
      v128.load(from), v128.load(from + line), v128.load(from + 2 * line), v128.load(from + 3 * line),
      v128.load(from + 4 * line), v128.load(from + 5 * line), plane + (j << 4), 96,
    )
    from += step
  }
  for (let i = 0; i < 3; i++) {
    filterGradientLine(
      v128.load(plane), v128.load(plane, 16), v128.load(plane, 32), v128.load(plane, 48), v128.load(plane, 64),
      v128.load(plane, 80), to, tap,
    )
    plane += 96
    to += 3 * tap
  }
}
