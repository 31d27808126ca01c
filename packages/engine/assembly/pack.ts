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
      for (let k = 0; k < depth; k++) {
        for (let i = 0; i < TILE_COLUMNS; i++) {
          f32.store(to + (i << 2), i < width ? f32.load(from + (<usize>i) * columnStride) : 0)
        }
        from += rowStride
        to += 32
      }
    }
  }
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
