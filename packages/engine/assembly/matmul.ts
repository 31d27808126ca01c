import { multiplyPanels, multiplyRows, ROW_BLOCK } from './multiply'
import { packColumns, packRow, panelFloats } from './pack'
import { roundUp } from './simd'
import { TILE_BYTES } from './tiles'

/** Depth that is summed before the next part is packed, where the left factor is packed too. */
export const DEPTH_BLOCK: i32 = 128
/** Rows of the product for which the left factor is packed at a time: 256 KiB of it with DEPTH_BLOCK. */
export const PACKED_ROWS: i32 = 512

export function matmulScratch(rows: i32, columns: i32, depth: i32, transposeA: bool): usize {
  if (transposeA) return TILE_BYTES + ((<usize>(panelFloats(DEPTH_BLOCK, columns) + DEPTH_BLOCK * PACKED_ROWS)) << 2)
  return TILE_BYTES + ((<usize>(panelFloats(depth, columns) + 2 * ROW_BLOCK)) << 2)
}

/**
 * out[rows][columns] = op(a) · op(b), row-major; a is [rows][depth], or [depth][rows] with transposeA; b is
 * [depth][columns], or [columns][depth] with transposeB.
 */
export function matmul(
  rows: i32, columns: i32, depth: i32, a: usize, transposeA: bool, b: usize, transposeB: bool, out: usize, scratch: usize,
): void {
  const rowStrideB: usize = transposeB ? 4 : (<usize>columns) << 2
  const columnStrideB: usize = transposeB ? (<usize>depth) << 2 : 4
  const packedB = scratch + TILE_BYTES
  const outStride = (<usize>columns) << 2
  if (transposeA) {
    const packedA = packedB + ((<usize>panelFloats(DEPTH_BLOCK, columns)) << 2)
    for (let i = 0; i < rows; i += PACKED_ROWS) {
      const height = min(rows - i, PACKED_ROWS)
      for (let k = 0; k < depth; k += DEPTH_BLOCK) {
        const part = min(depth - k, DEPTH_BLOCK)
        packColumns(b + (<usize>k) * rowStrideB, rowStrideB, columnStrideB, part, columns, packedB, part, 0)
        for (let d = 0; d < part; d++) {
          packRow(a + (((<usize>(k + d)) * rows + i) << 2), height, packedA + (d << 4), (<usize>part) << 4)
        }
        multiplyPanels(height, columns, part, packedA, packedB, out + (<usize>i) * outStride, outStride, k > 0, scratch)
      }
    }
    return
  }
  packColumns(b, rowStrideB, columnStrideB, depth, columns, packedB, depth, 0)
  const table = packedB + ((<usize>panelFloats(depth, columns)) << 2)
  const outs = table + ((<usize>ROW_BLOCK) << 2)
  for (let i = 0; i < rows; i += ROW_BLOCK) {
    const height = min(rows - i, ROW_BLOCK)
    const whole = roundUp(height, 4)
    for (let r = 0; r < whole; r++) {
      const row = <usize>(i + min(r, height - 1))
      store<u32>(table + (r << 2), a + ((row * depth) << 2))
      store<u32>(outs + (r << 2), out + row * outStride)
    }
    multiplyRows(height, columns, 1, depth, table, outs, packedB, depth, scratch)
  }
}
