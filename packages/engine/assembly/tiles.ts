import { multiplyAdd } from './simd'

/** A tile of the product has this many rows … */
export const TILE_ROWS: i32 = 4
/** … and this many columns. */
export const TILE_COLUMNS: i32 = 8
/** Bytes of the place where a tile that hangs over the edge is put before its part is copied. */
export const TILE_BYTES: usize = 128

/**
 * out[i][j] = Σ_t Σ_k a[t][i][k] · b[t · depth + k][j] for i < 4, j < 8.
 *
 * `table` holds four row addresses of a for each of `taps`; the rows of a lie apart as they like, which makes a
 * convolution a matrix product without im2col. b is one packed panel of eight columns.
 */
export function rowsTile(taps: i32, depth: i32, table: usize, b: usize, o0: usize, o1: usize, o2: usize, o3: usize): void {
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  const tableEnd = table + ((<usize>taps) << 4)
  const bytes = (<usize>depth) << 2
  while (table < tableEnd) {
    let a0: usize = load<u32>(table)
    let a1: usize = load<u32>(table, 4)
    let a2: usize = load<u32>(table, 8)
    let a3: usize = load<u32>(table, 12)
    table += 16
    const end = a0 + bytes
    while (a0 < end) {
      const b0 = v128.load(b)
      const b1 = v128.load(b, 16)
      b += 32
      const x0 = v128.load32_splat(a0)
      c00 = multiplyAdd(x0, b0, c00)
      c01 = multiplyAdd(x0, b1, c01)
      const x1 = v128.load32_splat(a1)
      c10 = multiplyAdd(x1, b0, c10)
      c11 = multiplyAdd(x1, b1, c11)
      const x2 = v128.load32_splat(a2)
      c20 = multiplyAdd(x2, b0, c20)
      c21 = multiplyAdd(x2, b1, c21)
      const x3 = v128.load32_splat(a3)
      c30 = multiplyAdd(x3, b0, c30)
      c31 = multiplyAdd(x3, b1, c31)
      a0 += 4
      a1 += 4
      a2 += 4
      a3 += 4
    }
  }
  v128.store(o0, c00)
  v128.store(o0, c01, 16)
  v128.store(o1, c10)
  v128.store(o1, c11, 16)
  v128.store(o2, c20)
  v128.store(o2, c21, 16)
  v128.store(o3, c30)
  v128.store(o3, c31, 16)
}

/** The same sum where both factors are packed: a as [k][4], b as [k][8]; added to what out holds when `add`. */
export function panelsTile(depth: i32, a: usize, b: usize, out: usize, outStride: usize, add: bool): void {
  const o1 = out + outStride
  const o2 = o1 + outStride
  const o3 = o2 + outStride
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  if (add) {
    c00 = v128.load(out)
    c01 = v128.load(out, 16)
    c10 = v128.load(o1)
    c11 = v128.load(o1, 16)
    c20 = v128.load(o2)
    c21 = v128.load(o2, 16)
    c30 = v128.load(o3)
    c31 = v128.load(o3, 16)
  }
  const end = b + ((<usize>depth) << 5)
  while (b < end) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    b += 32
    const x0 = v128.load32_splat(a)
    c00 = multiplyAdd(x0, b0, c00)
    c01 = multiplyAdd(x0, b1, c01)
    const x1 = v128.load32_splat(a, 4)
    c10 = multiplyAdd(x1, b0, c10)
    c11 = multiplyAdd(x1, b1, c11)
    const x2 = v128.load32_splat(a, 8)
    c20 = multiplyAdd(x2, b0, c20)
    c21 = multiplyAdd(x2, b1, c21)
    const x3 = v128.load32_splat(a, 12)
    c30 = multiplyAdd(x3, b0, c30)
    c31 = multiplyAdd(x3, b1, c31)
    a += 16
  }
  v128.store(out, c00)
  v128.store(out, c01, 16)
  v128.store(o1, c10)
  v128.store(o1, c11, 16)
  v128.store(o2, c20)
  v128.store(o2, c21, 16)
  v128.store(o3, c30)
  v128.store(o3, c31, 16)
}
