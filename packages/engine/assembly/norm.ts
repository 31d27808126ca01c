import { clear, loadLanes, multiplyAdd, storeLanes } from './simd'

/** Rows whose statistics are taken at a time, while they are in the cache. */
const CHUNK: i32 = 64

/**
 * Mean and variance (biased) of every column of x[rows][columns], chunk by chunk, merged by Chan, Golub and
 * LeVeque's formula (1983): no cancellation where the mean is large.
 */
export function moments(x: usize, rows: i32, columns: i32, mean: usize, variance: usize): void {
  const stride = (<usize>columns) << 2
  clear(mean, columns)
  clear(variance, columns)
  for (let start = 0; start < rows; start += CHUNK) {
    const count = min(rows - start, CHUNK)
    const chunk = x + (<usize>start) * stride
    const perRow = f32x4.splat(1 / <f32>count)
    const share = f32x4.splat(<f32>count / <f32>(start + count))
    const weight = f32x4.splat(<f32>(<f64>start * <f64>count / <f64>(start + count)))
    for (let c = 0; c < columns; c += 4) {
      const lanes = columns - c
      let sum = f32x4.splat(0)
      let at = chunk + (c << 2)
      for (let r = 0; r < count; r++) {
        sum = f32x4.add(sum, loadLanes(at, lanes))
        at += stride
      }
      const centre = f32x4.mul(sum, perRow)
      let squares = f32x4.splat(0)
      at = chunk + (c << 2)
      for (let r = 0; r < count; r++) {
        const apart = f32x4.sub(loadLanes(at, lanes), centre)
        squares = multiplyAdd(apart, apart, squares)
        at += stride
      }
      const before = loadLanes(mean + (c << 2), lanes)
      const shift = f32x4.sub(centre, before)
      storeLanes(mean + (c << 2), multiplyAdd(shift, share, before), lanes)
      squares = multiplyAdd(f32x4.mul(shift, shift), weight, squares)
      storeLanes(variance + (c << 2), f32x4.add(squares, loadLanes(variance + (c << 2), lanes)), lanes)
    }
  }
  const perRow = f32x4.splat(1 / <f32>rows)
  for (let c = 0; c < columns; c += 4) {
    const at = variance + (c << 2)
    storeLanes(at, f32x4.mul(loadLanes(at, columns - c), perRow), columns - c)
  }
}

/** y = x · scale + shift, by column. */
export function scaleShift(x: usize, rows: i32, columns: i32, scale: usize, shift: usize, y: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c += 4) {
      const lanes = columns - c
      const at = <usize>(c << 2)
      storeLanes(y + at, multiplyAdd(loadLanes(x + at, lanes), loadLanes(scale + at, lanes), loadLanes(shift + at, lanes)), lanes)
    }
    x += (<usize>columns) << 2
    y += (<usize>columns) << 2
  }
}

/** By column: sums[0] = Σ dy, sums[1] = Σ dy · (x − mean), chunk by chunk. `sums` is [2][columns]. */
export function gradientSums(x: usize, dy: usize, rows: i32, columns: i32, mean: usize, sums: usize): void {
  const stride = (<usize>columns) << 2
  clear(sums, 2 * columns)
  for (let start = 0; start < rows; start += CHUNK) {
    const count = min(rows - start, CHUNK)
    const offset = (<usize>start) * stride
    for (let c = 0; c < columns; c += 4) {
      const lanes = columns - c
      const centre = loadLanes(mean + (c << 2), lanes)
      let sum = f32x4.splat(0)
      let product = f32x4.splat(0)
      let at = offset + (c << 2)
      for (let r = 0; r < count; r++) {
        const d = loadLanes(dy + at, lanes)
        sum = f32x4.add(sum, d)
        product = multiplyAdd(d, f32x4.sub(loadLanes(x + at, lanes), centre), product)
        at += stride
      }
      const first = sums + (c << 2)
      const second = first + stride
      storeLanes(first, f32x4.add(sum, loadLanes(first, lanes)), lanes)
      storeLanes(second, f32x4.add(product, loadLanes(second, lanes)), lanes)
    }
  }
}

/** dx = dy · a + x · b + c, by column. */
export function combine(x: usize, dy: usize, rows: i32, columns: i32, a: usize, b: usize, c: usize, dx: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < columns; i += 4) {
      const lanes = columns - i
      const at = <usize>(i << 2)
      const rest = multiplyAdd(loadLanes(x + at, lanes), loadLanes(b + at, lanes), loadLanes(c + at, lanes))
      storeLanes(dx + at, multiplyAdd(loadLanes(dy + at, lanes), loadLanes(a + at, lanes), rest), lanes)
    }
    x += (<usize>columns) << 2
    dy += (<usize>columns) << 2
    dx += (<usize>columns) << 2
  }
}
