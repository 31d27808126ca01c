import { clear, loadLanes, multiplyAdd, storeLanes } from './simd'

/** Rows whose statistics are taken at a time, while they are in the cache. */
const CHUNK: i32 = 64

/**
 * Mean and variance (biased) of every column of x[rows][columns], chunk by chunk, merged by Chan, Golub and
 * LeVeque's formula (1983): no cancellation where the mean is large.
 */
export function moments(x: usize, rows: i32, columns: i32, mean: usize, variance: usize): void {
  const stride = (<usize>columns) << 2
  const whole = columns & ~3
  clear(mean, columns)
  clear(variance, columns)
  for (let start = 0; start < rows; start += CHUNK) {
    const count = min(rows - start, CHUNK)
    const chunk = x + (<usize>start) * stride
    for (let c = 0; c < whole; c += 4) mergeMoments(chunk, start, count, stride, c << 2, 4, mean, variance)
    if (whole < columns) mergeMoments(chunk, start, count, stride, whole << 2, columns - whole, mean, variance)
  }
  const perRow = f32x4.splat(1 / <f32>rows)
  for (let c = 0; c < columns; c += 4) {
    const at = variance + (c << 2)
    storeLanes(at, f32x4.mul(loadLanes(at, columns - c), perRow), columns - c)
  }
}

/** Merges `count` rows of four columns into the mean and the sum of squares of the `before` rows before them. */
// @ts-ignore: decorator
@inline
function mergeMoments(
  chunk: usize, before: i32, count: i32, stride: usize, column: usize, lanes: i32, mean: usize, squares: usize,
): void {
  const first = chunk + column
  const end = first + (<usize>count) * stride
  let sum = f32x4.splat(0)
  for (let at = first; at < end; at += stride) sum = f32x4.add(sum, loadLanes(at, lanes))
  const centre = f32x4.mul(sum, f32x4.splat(1 / <f32>count))
  let around = f32x4.splat(0)
  for (let at = first; at < end; at += stride) {
    const apart = f32x4.sub(loadLanes(at, lanes), centre)
    around = multiplyAdd(apart, apart, around)
  }
  const old = loadLanes(mean + column, lanes)
  const shift = f32x4.sub(centre, old)
  const share = f32x4.splat(<f32>count / <f32>(before + count))
  const weight = f32x4.splat(<f32>(<f64>before * <f64>count / <f64>(before + count)))
  storeLanes(mean + column, multiplyAdd(shift, share, old), lanes)
  around = multiplyAdd(f32x4.mul(shift, shift), weight, around)
  storeLanes(squares + column, f32x4.add(around, loadLanes(squares + column, lanes)), lanes)
}

/** y = x · scale + shift, by column. */
export function scaleShift(x: usize, rows: i32, columns: i32, scale: usize, shift: usize, y: usize): void {
  const whole = (<usize>(columns & ~3)) << 2
  const stride = (<usize>columns) << 2
  for (let r = 0; r < rows; r++) {
    for (let at: usize = 0; at < whole; at += 16) scaleShiftFour(x + at, scale + at, shift + at, y + at, 4)
    if (whole < stride) scaleShiftFour(x + whole, scale + whole, shift + whole, y + whole, columns & 3)
    x += stride
    y += stride
  }
}

// @ts-ignore: decorator
@inline
function scaleShiftFour(x: usize, scale: usize, shift: usize, y: usize, lanes: i32): void {
  storeLanes(y, multiplyAdd(loadLanes(x, lanes), loadLanes(scale, lanes), loadLanes(shift, lanes)), lanes)
}

/** By column: sums[0] = Σ dy, sums[1] = Σ dy · (x − mean), chunk by chunk. `sums` is [2][columns]. */
export function gradientSums(x: usize, dy: usize, rows: i32, columns: i32, mean: usize, sums: usize): void {
  const stride = (<usize>columns) << 2
  const whole = columns & ~3
  clear(sums, 2 * columns)
  for (let start = 0; start < rows; start += CHUNK) {
    const count = min(rows - start, CHUNK)
    const offset = (<usize>start) * stride
    for (let c = 0; c < whole; c += 4) addGradientSums(x + offset, dy + offset, count, stride, c << 2, 4, mean, sums)
    if (whole < columns) {
      addGradientSums(x + offset, dy + offset, count, stride, whole << 2, columns - whole, mean, sums)
    }
  }
}

// @ts-ignore: decorator
@inline
function addGradientSums(
  x: usize, dy: usize, count: i32, stride: usize, column: usize, lanes: i32, mean: usize, sums: usize,
): void {
  const centre = loadLanes(mean + column, lanes)
  let sum = f32x4.splat(0)
  let product = f32x4.splat(0)
  let at = column
  for (let r = 0; r < count; r++) {
    const gradient = loadLanes(dy + at, lanes)
    sum = f32x4.add(sum, gradient)
    product = multiplyAdd(gradient, f32x4.sub(loadLanes(x + at, lanes), centre), product)
    at += stride
  }
  const first = sums + column
  const second = first + stride
  storeLanes(first, f32x4.add(sum, loadLanes(first, lanes)), lanes)
  storeLanes(second, f32x4.add(product, loadLanes(second, lanes)), lanes)
}

/** dx = dy · a + x · b + c, by column. */
export function combine(x: usize, dy: usize, rows: i32, columns: i32, a: usize, b: usize, c: usize, dx: usize): void {
  const whole = (<usize>(columns & ~3)) << 2
  const stride = (<usize>columns) << 2
  for (let r = 0; r < rows; r++) {
    for (let at: usize = 0; at < whole; at += 16) combineFour(x + at, dy + at, a + at, b + at, c + at, dx + at, 4)
    if (whole < stride) {
      combineFour(x + whole, dy + whole, a + whole, b + whole, c + whole, dx + whole, columns & 3)
    }
    x += stride
    dy += stride
    dx += stride
  }
}

// @ts-ignore: decorator
@inline
function combineFour(x: usize, dy: usize, a: usize, b: usize, c: usize, dx: usize, lanes: i32): void {
  const rest = multiplyAdd(loadLanes(x, lanes), loadLanes(b, lanes), loadLanes(c, lanes))
  storeLanes(dx, multiplyAdd(loadLanes(dy, lanes), loadLanes(a, lanes), rest), lanes)
}
