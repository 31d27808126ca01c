import { Geometry } from './geometry'
import { DEPTH_BLOCK, matmul, matmulScratch, PACKED_ROWS } from './matmul'
import { multiplyPanels, multiplyRows, ROW_BLOCK } from './multiply'
import { packColumns, panelFloats } from './pack'
import { clear, roundUp } from './simd'
import { TILE_BYTES, TILE_ROWS } from './tiles'
import { suitsWinograd, winogradConvolution, winogradInputGradient, winogradScratch } from './winograd'
import { winogradFilterGradient, winogradFilterGradientScratch } from './winograd-filter-gradient'

/** One by one at stride one without padding: a product of two matrices. */
function isPointwise(g: Geometry): bool {
  return (
    g.filterHeight == 1 && g.filterWidth == 1 && g.strideHeight == 1 && g.strideWidth == 1 &&
    g.inHeight == g.outHeight && g.inWidth == g.outWidth
  )
}

/**
 * Taps in a line of the filter. Where no window hangs over a side of x, the floats under a line lie one after the other, and
 * are one tap of filterWidth · inChannels; else each position of the filter is a tap of inChannels.
 */
// @ts-ignore: decorator
@inline
function tapsAcross(g: Geometry): i32 {
  const whole = g.padLeft == 0 && g.dilationWidth == 1 && (g.outWidth - 1) * g.strideWidth + g.filterWidth <= g.inWidth
  return whole ? 1 : g.filterWidth
}

/** Room for a tile, a row of zeros, the packed filter and the addresses of one block of rows. */
export function convolutionScratch(g: Geometry): usize {
  if (suitsWinograd(g)) return winogradScratch(g)
  if (isPointwise(g)) {
    const rows = g.batch * g.outHeight * g.outWidth
    return max(
      matmulScratch(rows, g.outChannels, g.inChannels, false), matmulScratch(rows, g.inChannels, g.outChannels, false),
    )
  }
  const taps = g.filterHeight * g.filterWidth
  const zeros = max(g.filterWidth * g.inChannels, g.outChannels)
  const packed = max(panelFloats(taps * g.inChannels, g.outChannels), panelFloats(taps * g.outChannels, g.inChannels))
  return TILE_BYTES + ((<usize>(roundUp(zeros, 4) + packed + ROW_BLOCK * (taps + 1))) << 2)
}

/** Where the row of position `index` and tap `tap` stands in a table [rows / 4][taps][4]. */
// @ts-ignore: decorator
@inline
function entry(table: usize, index: i32, taps: i32, tap: i32): usize {
  return table + (<usize>((((index >> 2) * taps + tap) << 2) + (index & 3)) << 2)
}

/** y[n, oh, ow, co] = Σ x[n, oh·s − p + kh·d, ow·s − p + kw·d, ci] · filter[kh, kw, ci, co]. */
export function convolution(g: Geometry, x: usize, filter: usize, y: usize, scratch: usize): void {
  if (suitsWinograd(g)) return winogradConvolution(g, x, filter, y, scratch)
  if (isPointwise(g)) {
    const rows = g.batch * g.outHeight * g.outWidth
    return matmul(rows, g.outChannels, g.inChannels, x, false, filter, false, y, scratch)
  }
  const across = tapsAcross(g)
  const taps = g.filterHeight * across
  const length = (g.filterWidth / across) * g.inChannels
  const depth = taps * length
  const zeros = scratch + TILE_BYTES
  const packed = zeros + (<usize>roundUp(length, 4) << 2)
  const table = packed + ((<usize>panelFloats(depth, g.outChannels)) << 2)
  const outs = table + ((<usize>(ROW_BLOCK * taps)) << 2)
  clear(zeros, length)
  packColumns(filter, (<usize>g.outChannels) << 2, 4, depth, g.outChannels, packed, depth, 0)
  const pixel = (<usize>g.inChannels) << 2
  const positions = g.batch * g.outHeight * g.outWidth
  for (let start = 0; start < positions; start += ROW_BLOCK) {
    const rows = min(positions - start, ROW_BLOCK)
    const whole = roundUp(rows, TILE_ROWS)
    for (let r = 0; r < whole; r++) {
      const position = start + min(r, rows - 1)
      const ow = position % g.outWidth
      const line = position / g.outWidth
      const n = line / g.outHeight
      const top = (line % g.outHeight) * g.strideHeight - g.padTop
      const left = ow * g.strideWidth - g.padLeft
      let tap = 0
      for (let kh = 0; kh < g.filterHeight; kh++) {
        const ih = top + kh * g.dilationHeight
        const row = x + (<usize>((n * g.inHeight + ih) * g.inWidth)) * pixel
        for (let kw = 0; kw < across; kw++) {
          const iw = left + kw * g.dilationWidth
          const inside = <u32>ih < <u32>g.inHeight && <u32>iw < <u32>g.inWidth
          store<u32>(entry(table, r, taps, tap++), inside ? row + (<usize>iw) * pixel : zeros)
        }
      }
      store<u32>(outs + (r << 2), y + (((<usize>position) * g.outChannels) << 2))
    }
    multiplyRows(rows, g.outChannels, taps, length, table, outs, packed, depth, scratch)
  }
}

/**
 * Gradient of a convolution to its input. The positions of x are taken by their phase, the remainder of
 * (position + padding) by the stride: all positions of a phase see the same taps, so no zero is multiplied.
 */
export function convolutionInputGradient(g: Geometry, dy: usize, filter: usize, dx: usize, scratch: usize): void {
  if (suitsWinograd(g)) return winogradInputGradient(g, dy, filter, dx, scratch)
  if (isPointwise(g)) {
    const rows = g.batch * g.outHeight * g.outWidth
    return matmul(rows, g.inChannels, g.outChannels, dy, false, filter, true, dx, scratch)
  }
  for (let phaseHeight = 0; phaseHeight < g.strideHeight; phaseHeight++) {
    for (let phaseWidth = 0; phaseWidth < g.strideWidth; phaseWidth++) {
      inputGradientOfPhase(g, phaseHeight, phaseWidth, dy, filter, dx, scratch)
    }
  }
}

/** The first position of a phase at or after 0. */
// @ts-ignore: decorator
@inline
function firstOf(phase: i32, pad: i32, stride: i32): i32 {
  return (phase + stride - pad % stride) % stride
}

function inputGradientOfPhase(
  g: Geometry, phaseHeight: i32, phaseWidth: i32, dy: usize, filter: usize, dx: usize, scratch: usize,
): void {
  const firstHeight = firstOf(phaseHeight, g.padTop, g.strideHeight)
  const firstWidth = firstOf(phaseWidth, g.padLeft, g.strideWidth)
  const height = (g.inHeight - firstHeight + g.strideHeight - 1) / g.strideHeight
  const width = (g.inWidth - firstWidth + g.strideWidth - 1) / g.strideWidth
  if (height <= 0 || width <= 0) return
  let tapsHeight = 0
  for (let kh = 0; kh < g.filterHeight; kh++) {
    if ((kh * g.dilationHeight) % g.strideHeight == phaseHeight) tapsHeight++
  }
  let tapsWidth = 0
  for (let kw = 0; kw < g.filterWidth; kw++) {
    if ((kw * g.dilationWidth) % g.strideWidth == phaseWidth) tapsWidth++
  }
  const taps = tapsHeight * tapsWidth
  const depth = taps * g.outChannels
  const zeros = scratch + TILE_BYTES
  const packed = zeros + ((<usize>roundUp(max(g.inChannels, g.outChannels), 4)) << 2)
  const table = packed + ((<usize>panelFloats(depth, g.inChannels)) << 2)
  const outs = table + ((<usize>(ROW_BLOCK * taps)) << 2)
  clear(zeros, g.outChannels)
  const pixel = (<usize>g.outChannels) << 2
  let tap = 0
  for (let kh = 0; kh < g.filterHeight; kh++) {
    if ((kh * g.dilationHeight) % g.strideHeight != phaseHeight) continue
    for (let kw = 0; kw < g.filterWidth; kw++) {
      if ((kw * g.dilationWidth) % g.strideWidth != phaseWidth) continue
      const source = filter + ((<usize>((kh * g.filterWidth + kw) * g.inChannels * g.outChannels)) << 2)
      packColumns(source, 4, (<usize>g.outChannels) << 2, g.outChannels, g.inChannels, packed, depth, tap * g.outChannels)
      tap++
    }
  }
  for (let line = 0; line < height; line++) {
    const ih = line * g.strideHeight + firstHeight
    // lines of the filter that reach it: those before them would meet dy below its end, those behind above its start
    let below = 0
    let meeting = 0
    for (let kh = 0; kh < g.filterHeight; kh++) {
      if ((kh * g.dilationHeight) % g.strideHeight != phaseHeight) continue
      const offset = ih + g.padTop - kh * g.dilationHeight
      if (offset < 0) break
      if (offset / g.strideHeight < g.outHeight) meeting++
      else below++
    }
    const some = meeting * tapsWidth
    const filterOfLine = packed + (((<usize>(below * tapsWidth)) * g.outChannels) << 5)
    for (let start = 0; start < g.batch * width; start += ROW_BLOCK) {
      const rows = min(g.batch * width - start, ROW_BLOCK)
      const whole = roundUp(rows, TILE_ROWS)
      for (let r = 0; r < whole; r++) {
        const position = start + min(r, rows - 1)
        const n = position / width
        const iw = (position % width) * g.strideWidth + firstWidth
        tap = 0
        for (let kh = 0; kh < g.filterHeight; kh++) {
          if ((kh * g.dilationHeight) % g.strideHeight != phaseHeight) continue
          const offset = ih + g.padTop - kh * g.dilationHeight
          if (offset < 0) break
          const oh = offset / g.strideHeight
          if (oh >= g.outHeight) continue
          const row = dy + (<usize>((n * g.outHeight + oh) * g.outWidth)) * pixel
          for (let kw = 0; kw < g.filterWidth; kw++) {
            if ((kw * g.dilationWidth) % g.strideWidth != phaseWidth) continue
            const before = iw + g.padLeft < kw * g.dilationWidth
            const ow = (iw + g.padLeft - kw * g.dilationWidth) / g.strideWidth
            store<u32>(entry(table, r, some, tap++), !before && ow < g.outWidth ? row + (<usize>ow) * pixel : zeros)
          }
        }
        store<u32>(outs + (r << 2), dx + ((<usize>((n * g.inHeight + ih) * g.inWidth + iw) * g.inChannels) << 2))
      }
      multiplyRows(rows, g.inChannels, some, g.outChannels, table, outs, filterOfLine, depth, scratch)
    }
  }
}

export function convolutionFilterGradientScratch(g: Geometry): usize {
  if (suitsWinograd(g)) return winogradFilterGradientScratch(g)
  if (isPointwise(g)) return matmulScratch(g.inChannels, g.outChannels, 0, true)
  const rows = min(roundUp(g.filterHeight * g.filterWidth * g.inChannels, TILE_ROWS), PACKED_ROWS)
  return TILE_BYTES + ((<usize>(DEPTH_BLOCK * rows + panelFloats(DEPTH_BLOCK, g.outChannels))) << 2)
}

/**
 * Gradient of a convolution to its filter: [taps · inChannels][positions] times [positions][outChannels], where
 * the left factor is gathered from x block by block.
 */
export function convolutionFilterGradient(g: Geometry, x: usize, dy: usize, dfilter: usize, scratch: usize): void {
  if (suitsWinograd(g)) return winogradFilterGradient(g, x, dy, dfilter, scratch)
  if (isPointwise(g)) {
    const depth = g.batch * g.outHeight * g.outWidth
    return matmul(g.inChannels, g.outChannels, depth, x, true, dy, false, dfilter, scratch)
  }
  const rows = g.filterHeight * g.filterWidth * g.inChannels
  const packedB = scratch + TILE_BYTES
  const packedA = packedB + ((<usize>panelFloats(DEPTH_BLOCK, g.outChannels)) << 2)
  const positions = g.batch * g.outHeight * g.outWidth
  const pixel = (<usize>g.outChannels) << 2
  for (let first = 0; first < rows; first += PACKED_ROWS) {
    const count = min(rows - first, PACKED_ROWS)
    for (let start = 0; start < positions; start += DEPTH_BLOCK) {
      const depth = min(positions - start, DEPTH_BLOCK)
      packColumns(dy + (<usize>start) * pixel, pixel, 4, depth, g.outChannels, packedB, depth, 0)
      for (let k = 0; k < depth; k++) gatherWindow(g, x, start + k, first, count, packedA + (k << 4), (<usize>depth) << 4)
      multiplyPanels(count, g.outChannels, depth, packedA, packedB, dfilter + (<usize>first) * pixel, pixel, start > 0, scratch)
    }
  }
}

/**
 * Elements first … first + count of the window (kh, kw, ci) of x at one output position, four at a time into
 * panels that lie `panel` bytes apart. `first` is a multiple of four.
 */
function gatherWindow(
  g: Geometry, x: usize, position: i32, first: i32, count: i32, to: usize, panel: usize,
): void {
  const across = tapsAcross(g)
  const length = (g.filterWidth / across) * g.inChannels
  const line = position / g.outWidth
  const n = line / g.outHeight
  const tap = first / length
  const left = (position % g.outWidth) * g.strideWidth - g.padLeft
  let ih = (line % g.outHeight) * g.strideHeight - g.padTop + (tap / across) * g.dilationHeight
  let kw = tap % across
  let next = (tap + 1) * length
  const end = first + count
  let index = first
  while (index < end) {
    const iw = left + kw * g.dilationWidth
    const inside = <u32>ih < <u32>g.inHeight && <u32>iw < <u32>g.inWidth
    const stop = min(end, next)
    let from = x + ((<usize>(((n * g.inHeight + ih) * g.inWidth + iw) * g.inChannels + index - (next - length))) << 2)
    if (((length | index | stop) & 3) == 0) {
      for (; index < stop; index += 4) {
        v128.store(to, inside ? v128.load(from) : f32x4.splat(0))
        from += 16
        to += panel
      }
    } else {
      for (; index < stop; index++) {
        f32.store(to + ((index & 3) << 2), inside ? f32.load(from) : 0)
        from += 4
        if ((index & 3) == 3) to += panel
      }
    }
    next += length
    if (++kw == across) {
      kw = 0
      ih += g.dilationHeight
    }
  }
}
