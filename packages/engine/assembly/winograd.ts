import { Geometry } from './geometry'
import { multiplyRows } from './multiply'
import { panelFloats } from './pack'
import { clear } from './simd'
import { TILE_BYTES, TILE_COLUMNS } from './tiles'
import { filterLine } from './winograd-lines'
import {
  HEADER, inputAddresses, outputAddresses, Plane, PLANE_BYTES, PRODUCTS, TABLE_BYTES, tileCount, transformInput,
  transformOutput,
} from './winograd-tiles'

/** Tiles that are transformed, multiplied and transformed back at a time, so that they stay in the cache. */
const BLOCK: i32 = 32
/** Bytes between matrices, whose sizes are powers of two: else they fall into the same lines of the cache. */
export const GAP: usize = 64

/** Three by three at stride one over channels that fill vectors: what Winograd's F(4 × 4, 3 × 3) is for. */
export function suitsWinograd(g: Geometry): bool {
  return (
    g.filterHeight == 3 && g.filterWidth == 3 && g.strideHeight == 1 && g.strideWidth == 1 && g.dilationHeight == 1 &&
    g.dilationWidth == 1 && g.padTop <= 2 && g.padLeft <= 2 && ((g.inChannels | g.outChannels) & 3) == 0
  )
}

export function winogradScratch(g: Geometry): usize {
  const floats = panelFloats(g.inChannels, g.outChannels) + panelFloats(g.outChannels, g.inChannels)
  const channels = g.inChannels + g.outChannels
  const matrices = (<usize>PRODUCTS) * (((<usize>(floats + BLOCK * channels)) << 2) + 3 * GAP)
  return HEADER + TILE_BYTES + TABLE_BYTES + 2 * PLANE_BYTES + ((<usize>(channels + 2 * BLOCK)) << 2) + matrices
}

export function winogradConvolution(g: Geometry, x: usize, filter: usize, y: usize, scratch: usize): void {
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
  correlate(p, x, filter, false, y, scratch + HEADER)
}

/** The gradient to the input is the correlation of dy, padded by 2 − p, with the filter turned by 180°. */
export function winogradInputGradient(g: Geometry, dy: usize, filter: usize, dx: usize, scratch: usize): void {
  const p = changetype<Plane>(scratch)
  p.batch = g.batch
  p.inHeight = g.outHeight
  p.inWidth = g.outWidth
  p.inChannels = g.outChannels
  p.outHeight = g.inHeight
  p.outWidth = g.inWidth
  p.outChannels = g.inChannels
  p.padTop = 2 - g.padTop
  p.padLeft = 2 - g.padLeft
  correlate(p, dy, filter, true, dx, scratch + HEADER)
}

function correlate(p: Plane, x: usize, filter: usize, turned: bool, y: usize, scratch: usize): void {
  const depth = p.inChannels
  const columns = p.outChannels
  const spare = scratch
  const addresses = spare + TILE_BYTES
  const plane = addresses + TABLE_BYTES
  const zeros = plane + 2 * PLANE_BYTES
  const outside = zeros + ((<usize>depth) << 2)
  const table = outside + ((<usize>columns) << 2)
  const outs = table + ((<usize>BLOCK) << 2)
  const filters = outs + ((<usize>BLOCK) << 2)
  const filterStep = ((<usize>panelFloats(depth, columns)) << 2) + GAP
  const inputs = filters + (<usize>PRODUCTS) * filterStep
  const inputStep = ((<usize>(BLOCK * depth)) << 2) + GAP
  const products = inputs + (<usize>PRODUCTS) * inputStep
  const productStep = ((<usize>(BLOCK * columns)) << 2) + GAP
  clear(zeros, depth)
  if (turned) transformTurnedFilter(filter, depth, columns, plane, filters, filterStep)
  else transformFilter(filter, depth, columns, plane, filters, filterStep)
  const tiles = tileCount(p)
  for (let start = 0; start < tiles; start += BLOCK) {
    const count = min(tiles - start, BLOCK)
    for (let t = 0; t < count; t++) {
      inputAddresses(p, x, start + t, zeros, addresses)
      const to = inputs + ((<usize>(t * depth)) << 2)
      for (let c = 0; c < depth; c += 4) transformInput(addresses, c << 2, plane, to + (c << 2), inputStep)
    }
    for (let i = 0; i < PRODUCTS; i++) {
      const from = inputs + (<usize>i) * inputStep
      const to = products + (<usize>i) * productStep
      for (let t = 0; t < BLOCK; t++) {
        store<u32>(table + (t << 2), from + ((<usize>(t * depth)) << 2))
        store<u32>(outs + (t << 2), to + ((<usize>(t * columns)) << 2))
      }
      multiplyRows(count, columns, 1, depth, table, outs, filters + (<usize>i) * filterStep, spare)
    }
    for (let t = 0; t < count; t++) {
      outputAddresses(p, y, start + t, outside, addresses)
      const from = products + ((<usize>(t * columns)) << 2)
      for (let c = 0; c < columns; c += 4) transformOutput(from + (c << 2), productStep, plane, addresses, c << 2)
    }
  }
}

/** G g Gᵀ of four lanes whose taps start `tap` bytes apart, to 36 places `step` bytes apart. */
// @ts-ignore: decorator
@inline
function transformTaps(first: usize, tap: isize, plane: usize, to: usize, step: usize): void {
  for (let j = 0; j < 3; j++) {
    const from = first + j * tap
    filterLine(v128.load(from), v128.load(from + 3 * tap), v128.load(from + 6 * tap), plane + (j << 4), 48)
  }
  for (let i = 0; i < 6; i++) {
    const row = plane + i * 48
    filterLine(v128.load(row), v128.load(row, 16), v128.load(row, 32), to + (<usize>(6 * i)) * step, step)
  }
}

/** The filter [9][depth][columns] as 36 matrices in panels of eight columns. */
function transformFilter(filter: usize, depth: i32, columns: i32, plane: usize, to: usize, step: usize): void {
  const tap = (<isize>(depth * columns)) << 2
  for (let k = 0; k < depth; k++) {
    for (let c = 0; c < columns; c += 4) {
      const place = (c & ~(TILE_COLUMNS - 1)) * depth + k * TILE_COLUMNS + (c & (TILE_COLUMNS - 1))
      const from = filter + ((<usize>(k * columns + c)) << 2)
      transformTaps(from, tap, plane, to + ((<usize>place) << 2), step)
    }
  }
}

/** The filter [9][columns][depth] turned by 180°, as 36 matrices of `depth` rows in panels of eight columns. */
function transformTurnedFilter(filter: usize, depth: i32, columns: i32, plane: usize, to: usize, step: usize): void {
  const tap = (<isize>(depth * columns)) << 2
  const values = plane + PLANE_BYTES
  for (let c = 0; c < columns; c++) {
    for (let k = 0; k < depth; k += 4) {
      const place = (c & ~(TILE_COLUMNS - 1)) * depth + k * TILE_COLUMNS + (c & (TILE_COLUMNS - 1))
      const from = filter + ((<usize>(c * depth + k)) << 2)
      transformTaps(from + 8 * tap, -tap, plane, values, 16)
      let target = to + ((<usize>place) << 2)
      for (let i = 0; i < PRODUCTS; i++) {
        const value = v128.load(values + (i << 4))
        v128.store_lane<f32>(target, value, 0)
        v128.store_lane<f32>(target, value, 1, 32)
        v128.store_lane<f32>(target, value, 2, 64)
        v128.store_lane<f32>(target, value, 3, 96)
        target += step
      }
    }
  }
}
