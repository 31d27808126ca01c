import { panelsTile, rowsTile, TILE_COLUMNS, TILE_ROWS } from './tiles'

/** Rows of a that go over all column panels before the next rows: they and one panel of b stay in the first caches. */
export const ROW_BLOCK: i32 = 64


/**
 * Rows times packed columns: `table` [rows / 4][taps][4] and `outs` [rows] are addresses; b is the first of taps · depth rows
 * of a panel, and `panelDepth` rows of it on the same of the next. `spare` is room for one tile.
 */
export function multiplyRows(
  rows: i32, columns: i32, taps: i32, depth: i32, table: usize, outs: usize, b: usize, panelDepth: i32, spare: usize,
): void {
  const panel = (<usize>panelDepth) << 5
  for (let j = 0; j < columns; j += TILE_COLUMNS) {
    const shift = (<usize>j) << 2
    const wide = columns - j >= TILE_COLUMNS
    for (let i = 0; i < rows; i += TILE_ROWS) {
      const tableOfTile = table + (((<usize>i) * taps) << 2)
      const target = outs + (i << 2)
      if (wide && rows - i >= TILE_ROWS) {
        rowsTile(taps, depth, tableOfTile, b, load<u32>(target) + shift, load<u32>(target, 4) + shift,
          load<u32>(target, 8) + shift, load<u32>(target, 12) + shift)
      } else {
        rowsTile(taps, depth, tableOfTile, b, spare, spare + 32, spare + 64, spare + 96)
        const height = min(rows - i, TILE_ROWS)
        const width = min(columns - j, TILE_COLUMNS)
        for (let r = 0; r < height; r++) {
          memory.copy(load<u32>(target + (r << 2)) + shift, spare + (r << 5), (<usize>width) << 2)
        }
      }
    }
    b += panel
  }
}

/**
 * out[i][j] (+)= Σ_k a[k][i] · b[k][j] where a is packed in panels of four rows and b in panels of eight columns.
 * `outStride` is the bytes of a row of out.
 */
export function multiplyPanels(
  rows: i32, columns: i32, depth: i32, a: usize, b: usize, out: usize, outStride: usize, add: bool, spare: usize,
): void {
  const panelA = (<usize>depth) << 4
  const panelB = (<usize>depth) << 5
  for (let j = 0; j < columns; j += TILE_COLUMNS) {
    let tileA = a
    let target = out + (<usize>(j << 2))
    const width = min(columns - j, TILE_COLUMNS)
    for (let i = 0; i < rows; i += TILE_ROWS) {
      const height = min(rows - i, TILE_ROWS)
      if (width == TILE_COLUMNS && height == TILE_ROWS) {
        panelsTile(depth, tileA, b, target, outStride, add)
      } else {
        panelsTile(depth, tileA, b, spare, 32, false)
        for (let r = 0; r < height; r++) {
          const to = target + (<usize>r) * outStride
          const from = spare + (r << 5)
          for (let c = 0; c < width; c++) {
            const before: f32 = add ? f32.load(to + (c << 2)) : 0
            f32.store(to + (c << 2), before + f32.load(from + (c << 2)))
          }
        }
      }
      tileA += panelA
      target += (<usize>TILE_ROWS) * outStride
    }
    b += panelB
  }
}
