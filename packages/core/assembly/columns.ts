// Rules that look at one coordinate of all inputs. Sixteen coordinates at a time: one row of 64 bytes per input, as
// integers in the total order of IEEE 754, sorted by a network of comparators that the caller gives.
import { high, low, rounded } from './lanes'

const ROW: usize = 64

/** Float32 bits as integers in total order; its own inverse. */
@inline
function orderedKey(bits: v128): v128 {
  return v128.xor(bits, v128.and(i32x4.shr_s(bits, 31), i32x4.splat(0x7fffffff)))
}

@inline
function compare(a: usize, b: usize): void {
  const x = v128.load(a)
  const y = v128.load(b)
  v128.store(a, i32x4.min_s(x, y))
  v128.store(b, i32x4.max_s(x, y))
}

/**
 * Brings `size` bytes of every input, from byte `at` on, into the rows, in order.
 * @param inputs addresses of the n inputs, 4 bytes each
 * @param network pairs of row offsets in bytes, 2 bytes each
 */
@inline
function sortRows(inputs: usize, n: usize, network: usize, networkEnd: usize, rows: usize, at: usize, size: usize): void {
  for (let k: usize = 0; k < n; k++) {
    const row = rows + k * ROW
    let source = load<usize>(inputs + (k << 2)) + at
    if (size < ROW) {
      memory.copy(row, source, size)
      source = row
    }
    v128.store(row, orderedKey(v128.load(source)))
    v128.store(row, orderedKey(v128.load(source, 16)), 16)
    v128.store(row, orderedKey(v128.load(source, 32)), 32)
    v128.store(row, orderedKey(v128.load(source, 48)), 48)
  }
  for (let c = network; c < networkEnd; c += 4) {
    const a = rows + load<u16>(c)
    const b = rows + load<u16>(c, 2)
    compare(a, b)
    compare(a + 16, b + 16)
    compare(a + 32, b + 32)
    compare(a + 48, b + 48)
  }
}

@inline
function value(row: usize): v128 {
  return orderedKey(v128.load(row))
}

@inline
function half(x: v128, upper: bool): v128 {
  return upper ? high(x) : low(x)
}

/** (a + b) / 2 in float64, of the lower or the upper two lanes. */
@inline
function middle(a: v128, b: v128, upper: bool): v128 {
  return f64x2.mul(f64x2.add(half(a, upper), half(b, upper)), f64x2.splat(0.5))
}

/** @param rows n rows of scratch */
export function median(out: usize, inputs: usize, n: usize, network: usize, comparators: usize, rows: usize, count: usize): void {
  const bytes = count << 2
  const lower = rows + ((n - 1) >> 1) * ROW
  const upper = rows + (n >> 1) * ROW
  const networkEnd = network + (comparators << 2)
  for (let at: usize = 0; at < bytes; at += ROW) {
    const size = min(ROW, bytes - at)
    sortRows(inputs, n, network, networkEnd, rows, at, size)
    const target = size < ROW ? lower : out + at
    for (let i: usize = 0; i < ROW; i += 16) {
      const a = value(lower + i)
      const b = value(upper + i)
      v128.store(target + i, rounded(middle(a, b, false), middle(a, b, true)))
    }
    if (size < ROW) memory.copy(out + at, lower, size)
  }
}

/** Mean of all rows but the `trim` first and last ones. */
export function trimmedMean(
  out: usize, inputs: usize, n: usize, trim: usize,
  network: usize, comparators: usize, rows: usize, count: usize
): void {
  const bytes = count << 2
  const kept = f64x2.splat(<f64>(n - 2 * trim))
  const first = rows + trim * ROW
  const end = rows + (n - trim) * ROW
  const networkEnd = network + (comparators << 2)
  for (let at: usize = 0; at < bytes; at += ROW) {
    const size = min(ROW, bytes - at)
    sortRows(inputs, n, network, networkEnd, rows, at, size)
    const target = size < ROW ? first : out + at
    for (let i: usize = 0; i < ROW; i += 16) {
      const x = value(first + i)
      let lower = low(x)
      let upper = high(x)
      for (let row = first + ROW; row < end; row += ROW) {
        const y = value(row + i)
        lower = f64x2.add(lower, low(y))
        upper = f64x2.add(upper, high(y))
      }
      v128.store(target + i, rounded(f64x2.div(lower, kept), f64x2.div(upper, kept)))
    }
    if (size < ROW) memory.copy(out + at, first, size)
  }
}

/** How many of the first rows are further from the middle than the last row of what follows: of two lanes. */
@inline
function countAbove(count: v128, center: v128, below: v128, above: v128): v128 {
  const further = f64x2.gt(f64x2.sub(center, below), f64x2.sub(above, center))
  return f64x2.add(count, v128.and(further, f64x2.splat(1)))
}

/**
 * The mean of `kept` rows that follow each other, from the first on whose successor's last row is no nearer to the middle
 * than its own first one. Rows that are in every window are added as they are.
 */
@inline
function meanAround(rows: usize, n: usize, kept: usize): v128 {
  const drop = n - kept
  const left = value(rows + ((n - 1) >> 1) * ROW)
  const right = value(rows + (n >> 1) * ROW)
  const center0 = middle(left, right, false)
  const center1 = middle(left, right, true)
  let start0 = f64x2.splat(0)
  let start1 = f64x2.splat(0)
  for (let k: usize = 0; k < drop; k++) {
    const below = value(rows + k * ROW)
    const above = value(rows + (k + kept) * ROW)
    start0 = countAbove(start0, center0, low(below), low(above))
    start1 = countAbove(start1, center1, high(below), high(above))
  }
  const none = f64x2.splat(-0.0)
  let sum0 = none
  let sum1 = none
  for (let k: usize = 0; k < n; k++) {
    const row = value(rows + k * ROW)
    let x0 = low(row)
    let x1 = high(row)
    if (k < drop) {
      const index = f64x2.splat(<f64>k)
      x0 = v128.bitselect(x0, none, f64x2.le(start0, index))
      x1 = v128.bitselect(x1, none, f64x2.le(start1, index))
    }
    if (k >= kept) {
      const last = f64x2.splat(<f64>(k - kept))
      x0 = v128.bitselect(x0, none, f64x2.gt(start0, last))
      x1 = v128.bitselect(x1, none, f64x2.gt(start1, last))
    }
    sum0 = f64x2.add(sum0, x0)
    sum1 = f64x2.add(sum1, x1)
  }
  const count = f64x2.splat(<f64>kept)
  return rounded(f64x2.div(sum0, count), f64x2.div(sum1, count))
}

/** Mean of the n − drop rows nearest to the middle. */
export function meamed(
  out: usize, inputs: usize, n: usize, drop: usize,
  network: usize, comparators: usize, rows: usize, count: usize
): void {
  const bytes = count << 2
  const networkEnd = network + (comparators << 2)
  for (let at: usize = 0; at < bytes; at += ROW) {
    const size = min(ROW, bytes - at)
    sortRows(inputs, n, network, networkEnd, rows, at, size)
    const target = size < ROW ? rows : out + at
    for (let i: usize = 0; i < ROW; i += 16) {
      v128.store(target + i, meanAround(rows + i, n, n - drop))
    }
    if (size < ROW) memory.copy(out + at, rows, size)
  }
}

/** The sign of the number of positive inputs less that of negative ones. */
export function signMajority(out: usize, inputs: usize, n: usize, count: usize): void {
  const bytes = count << 2
  const whole = bytes & ~15
  const end = inputs + (n << 2)
  const zero = f32x4.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) {
    let votes = i32x4.splat(0)
    for (let address = inputs; address < end; address += 4) {
      const x = v128.load(load<usize>(address) + i)
      votes = i32x4.add(i32x4.sub(votes, f32x4.gt(x, zero)), f32x4.lt(x, zero))
    }
    const sign = i32x4.max_s(i32x4.min_s(votes, i32x4.splat(1)), i32x4.splat(-1))
    v128.store(out + i, f32x4.convert_i32x4_s(sign))
  }
  for (; i < bytes; i += 4) {
    let votes = 0
    for (let address = inputs; address < end; address += 4) {
      const x = load<f32>(load<usize>(address) + i)
      votes += i32(x > 0) - i32(x < 0)
    }
    store<f32>(out + i, <f32>max(min(votes, 1), -1))
  }
}
