import { Geometry } from './geometry'
import { multiplyRows } from './multiply'
import { panelFloats, transposeFour } from './pack'
import { clear } from './simd'
import { TILE_BYTES, TILE_COLUMNS } from './tiles'
import { filterLine } from './winograd-lines'
import {
  HEADER, inputAddresses, outputAddresses, Plane, PLANE_BYTES, PRODUCTS, TABLE_BYTES, tileCount, transformInput,
  transformOutput,
} from './winograd-tiles'

/** The filter's products up to which all of its 36 matrices together stay in a cache. */
const SMALL_FILTER: i32 = 128 * 128
/** With a small filter, tiles that are transformed, multiplied and transformed back at a time. */
const BLOCK: i32 = 32
/** With a large one, which is transformed anew for each block of tiles … */
const LARGE_BLOCK: i32 = 128
/** … by this many columns at a time, so that its transform is never written to main memory. */
const GROUP: i32 = 32
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
  return max(correlateScratch(g.inChannels, g.outChannels), correlateScratch(g.outChannels, g.inChannels))
}

// @ts-ignore: decorator
@inline
function blockOf(depth: i32, columns: i32): i32 {
  return depth * columns <= SMALL_FILTER ? BLOCK : LARGE_BLOCK
}

// @ts-ignore: decorator
@inline
function groupOf(depth: i32, columns: i32): i32 {
  return depth * columns <= SMALL_FILTER ? columns : min(columns, GROUP)
}

function correlateScratch(depth: i32, columns: i32): usize {
  const block = blockOf(depth, columns)
  const group = groupOf(depth, columns)
  const floats = panelFloats(depth, group) + block * (depth + group)
  const matrices = (<usize>PRODUCTS) * (((<usize>floats) << 2) + 3 * GAP)
  const planes = (1 + TILE_COLUMNS) * PLANE_BYTES
  return HEADER + TILE_BYTES + TABLE_BYTES + planes + ((<usize>(depth + columns + 2 * block)) << 2) + matrices
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
  const block = blockOf(depth, columns)
  const group = groupOf(depth, columns)
  const spare = scratch
  const addresses = spare + TILE_BYTES
  const plane = addresses + TABLE_BYTES
  const zeros = plane + (1 + TILE_COLUMNS) * PLANE_BYTES
  const outside = zeros + ((<usize>depth) << 2)
  const table = outside + ((<usize>columns) << 2)
  const outs = table + ((<usize>block) << 2)
  const filters = outs + ((<usize>block) << 2)
  const filterStep = ((<usize>panelFloats(depth, group)) << 2) + GAP
  const inputs = filters + (<usize>PRODUCTS) * filterStep
  const inputStep = ((<usize>(block * depth)) << 2) + GAP
  const products = inputs + (<usize>PRODUCTS) * inputStep
  const productStep = ((<usize>(block * group)) << 2) + GAP
  clear(zeros, depth)
  const tiles = tileCount(p)
  for (let start = 0; start < tiles; start += block) {
    const count = min(tiles - start, block)
    for (let t = 0; t < count; t++) {
      inputAddresses(p, x, start + t, zeros, addresses)
      const to = inputs + ((<usize>(t * depth)) << 2)
      for (let c = 0; c < depth; c += 4) transformInput(addresses, c << 2, plane, to + (c << 2), inputStep)
    }
    for (let first = 0; first < columns; first += group) {
      const width = min(columns - first, group)
      if (start == 0 || group < columns) {
        if (turned) transformTurnedFilter(filter, depth, columns, first, width, plane, filters, filterStep)
        else transformFilter(filter, depth, columns, first, width, plane, filters, filterStep)
      }
      for (let i = 0; i < PRODUCTS; i++) {
        const from = inputs + (<usize>i) * inputStep
        const to = products + (<usize>i) * productStep
        for (let t = 0; t < block; t++) {
          store<u32>(table + (t << 2), from + ((<usize>(t * depth)) << 2))
          store<u32>(outs + (t << 2), to + ((<usize>(t * group)) << 2))
        }
        multiplyRows(count, width, 1, depth, table, outs, filters + (<usize>i) * filterStep, depth, spare)
      }
      for (let t = 0; t < count; t++) {
        outputAddresses(p, y, start + t, outside, addresses)
        const from = products + ((<usize>(t * group)) << 2)
        for (let c = 0; c < width; c += 4) {
          transformOutput(from + (c << 2), productStep, plane, addresses, (first + c) << 2)
        }
      }
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

/** `count` columns from `first` on of the filter [9][depth][columns], as 36 matrices in panels of eight columns. */
function transformFilter(
  filter: usize, depth: i32, columns: i32, first: i32, count: i32, plane: usize, to: usize, step: usize,
): void {
  const tap = (<isize>(depth * columns)) << 2
  for (let j = 0; j < count; j += TILE_COLUMNS) {
    let target = to + ((<usize>(j * depth)) << 2)
    for (let k = 0; k < depth; k++) {
      const from = filter + ((<usize>(k * columns + first + j)) << 2)
      transformTaps(from, tap, plane, target, step)
      if (j + 4 < count) transformTaps(from + 16, tap, plane, target + 16, step)
      target += 32
    }
  }
}

/** The same of the filter [9][columns][depth] turned by 180°. */
function transformTurnedFilter(
  filter: usize, depth: i32, columns: i32, first: i32, count: i32, plane: usize, to: usize, step: usize,
): void {
  const tap = (<isize>(depth * columns)) << 2
  const values = plane + PLANE_BYTES
  for (let j = 0; j < count; j += TILE_COLUMNS) {
    const width = min(count - j, TILE_COLUMNS)
    let target = to + ((<usize>(j * depth)) << 2)
    for (let k = 0; k < depth; k += 4) {
      for (let i = 0; i < width; i++) {
        const from = filter + ((<usize>((first + j + i) * depth + k)) << 2)
        transformTaps(from + 8 * tap, -tap, plane, values + (<usize>i) * PLANE_BYTES, 16)
      }
      for (let i = 0; i < PRODUCTS; i++) {
        const from = values + (i << 4)
        const place = target + (<usize>i) * step
        transposeFour(from, PLANE_BYTES, place)
        if (width > 4) transposeFour(from + 4 * PLANE_BYTES, PLANE_BYTES, place + 16)
      }
      target += 128
    }
  }
}
