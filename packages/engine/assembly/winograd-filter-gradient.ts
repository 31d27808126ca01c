import { Geometry } from './geometry'
import { multiplyPanels } from './multiply'
import { panelFloats } from './pack'
import { clear } from './simd'
import { TILE_BYTES, TILE_COLUMNS, TILE_ROWS } from './tiles'
import { GAP } from './winograd'
import { filterGradientLine } from './winograd-lines'
import {
  HEADER, inputAddresses, outputAddresses, Plane, PLANE_BYTES, PRODUCTS, TABLE_BYTES, tileCount, transformInput,
  SIDE, transformOutputGradient,
} from './winograd-tiles'

/** Tiles that are transformed at a time, the depth of one product, where sums go over several blocks … */
const BLOCK: i32 = 64
/** … and the most that are taken at once: the sums of some rows are final then, and never go to main memory. */
const WHOLE: i32 = 128
const STRIP: i32 = 16

// @ts-ignore: decorator
@inline
function blockOf(tiles: i32): i32 {
  return tiles <= WHOLE ? tiles : BLOCK
}

// @ts-ignore: decorator
@inline
function stripOf(tiles: i32, rows: i32): i32 {
  return tiles <= WHOLE ? min(rows, STRIP) : rows
}

export function winogradFilterGradientScratch(g: Geometry): usize {
  const tiles = g.batch * ((g.outHeight + SIDE - 1) / SIDE) * ((g.outWidth + SIDE - 1) / SIDE)
  const block = blockOf(tiles)
  const sums = stripOf(tiles, g.inChannels) * g.outChannels
  const panels = block * g.inChannels + panelFloats(block, g.outChannels)
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
  const tiles = tileCount(p)
  const block = blockOf(tiles)
  const strip = stripOf(tiles, rows)
  const sums = zeros + ((<usize>max(rows, columns)) << 2)
  const sumStep = ((<usize>(strip * columns)) << 2) + GAP
  const inputs = sums + (<usize>PRODUCTS) * sumStep
  const inputStep = ((<usize>(block * rows)) << 2) + GAP
  const outputs = inputs + (<usize>PRODUCTS) * inputStep
  const outputStep = ((<usize>panelFloats(block, columns)) << 2) + GAP
  clear(zeros, max(rows, columns))
  const tap = (<usize>(rows * columns)) << 2
  for (let start = 0; start < tiles; start += block) {
    const depth = min(tiles - start, block)
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
    for (let first = 0; first < rows; first += strip) {
      const height = min(rows - first, strip)
      for (let i = 0; i < PRODUCTS; i++) {
        const a = inputs + (<usize>i) * inputStep + ((<usize>(first * depth)) << 2)
        const b = outputs + (<usize>i) * outputStep
        multiplyPanels(height, columns, depth, a, b, sums + (<usize>i) * sumStep, (<usize>columns) << 2, start > 0, spare)
      }
      if (start + depth < tiles) continue
      const to = dfilter + ((<usize>(first * columns)) << 2)
      const bytes = (<usize>(height * columns)) << 2
      for (let place: usize = 0; place < bytes; place += 16) transformSums(sums + place, sumStep, plane, to + place, tap)
    }
  }
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
