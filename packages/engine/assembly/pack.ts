import { TILE_COLUMNS, TILE_ROWS } from './tiles'
import { loadLanes } from './simd'

/** Floats of a matrix of `depth` rows and `columns` columns packed as panels of eight columns. */
// @ts-ignore: decorator
@inline
export function panelFloats(depth: i32, columns: i32): i32 {
  return depth * ((columns + TILE_COLUMNS - 1) / TILE_COLUMNS) * TILE_COLUMNS
}

/**
 * Packs b[k][j] as [columns / 8][panelDepth][8] from row `offset` of each panel on, zeros beyond the last column.
 * Element (k, j) of the source lies at source + k · rowStride + j · columnStride (bytes).
 */
export function packColumns(
  source: usize, rowStride: usize, columnStride: usize, depth: i32, columns: i32,
  packed: usize, panelDepth: i32, offset: i32,
): void {
  for (let j = 0; j < columns; j += TILE_COLUMNS) {
    const width = min(columns - j, TILE_COLUMNS)
    let to = packed + (((<usize>panelDepth) * j + (<usize>offset) * TILE_COLUMNS) << 2)
    let from = source + (<usize>j) * columnStride
    if (columnStride == 4) {
      for (let k = 0; k < depth; k++) {
        v128.store(to, loadLanes(from, width))
        v128.store(to, width > 4 ? loadLanes(from + 16, width - 4) : f32x4.splat(0), 16)
        from += rowStride
        to += 32
      }
    } else {
      let k = 0
      if (rowStride == 4 && width == TILE_COLUMNS) {
        const half = from + 4 * columnStride
        for (; k + 4 <= depth; k += 4) {
          transposeFour(from + (k << 2), columnStride, to)
          transposeFour(half + (k << 2), columnStride, to + 16)
          to += 128
        }
      }
      for (; k < depth; k++) {
        const row = from + (<usize>k) * rowStride
        for (let i = 0; i < TILE_COLUMNS; i++) {
          f32.store(to + (i << 2), i < width ? f32.load(row + (<usize>i) * columnStride) : 0)
        }
        to += 32
      }
    }
  }
}

/** Four by four floats whose columns lie `stride` bytes apart, to rows 32 bytes apart. */
// @ts-ignore: decorator
@inline
export function transposeFour(from: usize, stride: usize, to: usize): void {
  const a = v128.load(from)
  const b = v128.load(from + stride)
  const c = v128.load(from + 2 * stride)
  const d = v128.load(from + 3 * stride)
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5))
  v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 32)
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), 64)
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), 96)
}

/**
 * Packs one row of floats (element k of every row panel) into panels of four: row[i] goes to
 * packed[i / 4][k][i % 4], zeros beyond the last. `panel` is the bytes from one panel to the next.
 */
// @ts-ignore: decorator
@inline
export function packRow(row: usize, count: i32, packed: usize, panel: usize): void {
  const whole = count & ~3
  for (let i = 0; i < whole; i += TILE_ROWS) {
    v128.store(packed, v128.load(row))
    row += 16
    packed += panel
  }
  if (whole < count) v128.store(packed, loadLanes(row, count - whole))
}
