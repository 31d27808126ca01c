// Rules that look at one coordinate of all inputs. Sixteen coordinates at a time: one row of 64 bytes per input, as
// integers in the total order of IEEE 754, sorted by a network of comparators that the caller gives.
import { high, low, rounded } from './lanes'

const ROW: usize = 64

/** Kinds of steps, as `selectionNetwork` writes them; the third merges. */
const PAIR: u16 = 0
const SORT: u16 = 1

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

/** Batcher's network for eight rows, in registers; without `sorts` only its end, which merges two sorted halves. */
@inline
function eight(
  first: usize, second: usize, third: usize, fourth: usize, fifth: usize, sixth: usize, seventh: usize, eighth: usize,
  sorts: bool
): void {
  for (let i: usize = 0; i < ROW; i += 16) {
    let a = v128.load(first + i)
    let b = v128.load(second + i)
    let c = v128.load(third + i)
    let d = v128.load(fourth + i)
    let e = v128.load(fifth + i)
    let f = v128.load(sixth + i)
    let g = v128.load(seventh + i)
    let h = v128.load(eighth + i)
    let low: v128
    if (sorts) {
      low = i32x4.min_s(a, b); b = i32x4.max_s(a, b); a = low
      low = i32x4.min_s(c, d); d = i32x4.max_s(c, d); c = low
      low = i32x4.min_s(e, f); f = i32x4.max_s(e, f); e = low
      low = i32x4.min_s(g, h); h = i32x4.max_s(g, h); g = low
      low = i32x4.min_s(a, c); c = i32x4.max_s(a, c); a = low
      low = i32x4.min_s(b, d); d = i32x4.max_s(b, d); b = low
      low = i32x4.min_s(e, g); g = i32x4.max_s(e, g); e = low
      low = i32x4.min_s(f, h); h = i32x4.max_s(f, h); f = low
      low = i32x4.min_s(b, c); c = i32x4.max_s(b, c); b = low
      low = i32x4.min_s(f, g); g = i32x4.max_s(f, g); f = low
    }
    low = i32x4.min_s(a, e); e = i32x4.max_s(a, e); a = low
    low = i32x4.min_s(b, f); f = i32x4.max_s(b, f); b = low
    low = i32x4.min_s(c, g); g = i32x4.max_s(c, g); c = low
    low = i32x4.min_s(d, h); h = i32x4.max_s(d, h); d = low
    low = i32x4.min_s(c, e); e = i32x4.max_s(c, e); c = low
    low = i32x4.min_s(d, f); f = i32x4.max_s(d, f); d = low
    v128.store(first + i, a)
    v128.store(second + i, i32x4.min_s(b, c))
    v128.store(third + i, i32x4.max_s(b, c))
    v128.store(fourth + i, i32x4.min_s(d, e))
    v128.store(fifth + i, i32x4.max_s(d, e))
    v128.store(sixth + i, i32x4.min_s(f, g))
    v128.store(seventh + i, i32x4.max_s(f, g))
    v128.store(eighth + i, h)
  }
}

@inline
function rowAt(rows: usize, step: usize): usize {
  return rows + load<u16>(step)
}

/**
 * Brings `size` bytes of every input, from byte `at` on, into the rows, in order.
 * @param inputs addresses of the n inputs, 4 bytes each
 * @param network steps of `selectionNetwork`
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
  let step = network
  while (step < networkEnd) {
    const kind = load<u16>(step)
    if (kind == PAIR) {
      const a = rowAt(rows, step + 2)
      const b = rowAt(rows, step + 4)
      compare(a, b)
      compare(a + 16, b + 16)
      compare(a + 32, b + 32)
      compare(a + 48, b + 48)
      step += 6
    } else {
      eight(
        rowAt(rows, step + 2), rowAt(rows, step + 4), rowAt(rows, step + 6), rowAt(rows, step + 8),
        rowAt(rows, step + 10), rowAt(rows, step + 12), rowAt(rows, step + 14), rowAt(rows, step + 16),
        kind == SORT
      )
      step += 18
    }
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

/** @param rows n rows of scratch, and one whose numbers are above all others as integers */
export function median(out: usize, inputs: usize, n: usize, network: usize, networkEnd: usize, rows: usize, count: usize): void {
  const bytes = count << 2
  const lower = rows + ((n - 1) >> 1) * ROW
  const upper = rows + (n >> 1) * ROW
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
  network: usize, networkEnd: usize, rows: usize, count: usize
): void {
  const bytes = count << 2
  const kept = f64x2.splat(<f64>(n - 2 * trim))
  const first = rows + trim * ROW
  const end = rows + (n - trim) * ROW
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

/** All ones where `below` is further from the middle than `above` is: of two lanes. */
@inline
function isFurther(center: v128, below: v128, above: v128): v128 {
  return f64x2.gt(f64x2.sub(center, below), f64x2.sub(above, center))
}

/**
 * The mean of `kept` rows that follow each other, from the first on whose successor's last row is no nearer to the middle
 * than its own first one. Where a row is further than the one behind its window, so are those before it: row k is in the window
 * unless it is further itself, or row k − kept is not. The others are added as −0, which changes nothing.
 * @param further scratch: 16 bytes for each row that is not kept
 */
@inline
function meanAround(rows: usize, further: usize, n: usize, kept: usize): v128 {
  const drop = n - kept
  const left = value(rows + ((n - 1) >> 1) * ROW)
  const right = value(rows + (n >> 1) * ROW)
  const center0 = middle(left, right, false)
  const center1 = middle(left, right, true)
  for (let k: usize = 0; k < drop; k++) {
    const below = value(rows + k * ROW)
    const above = value(rows + (k + kept) * ROW)
    const mask0 = isFurther(center0, low(below), low(above))
    const mask1 = isFurther(center1, high(below), high(above))
    v128.store(further + (k << 4), v128.shuffle<u32>(mask0, mask1, 0, 2, 4, 6))
  }
  const none = f32x4.splat(-0.0)
  let sum0 = f64x2.splat(-0.0)
  let sum1 = f64x2.splat(-0.0)
  for (let k: usize = 0; k < n; k++) {
    let x = value(rows + k * ROW)
    if (k < drop) x = v128.bitselect(none, x, v128.load(further + (k << 4)))
    if (k >= kept) x = v128.bitselect(x, none, v128.load(further + ((k - kept) << 4)))
    sum0 = f64x2.add(sum0, low(x))
    sum1 = f64x2.add(sum1, high(x))
  }
  const count = f64x2.splat(<f64>kept)
  return rounded(f64x2.div(sum0, count), f64x2.div(sum1, count))
}

/** Mean of the n − drop rows nearest to the middle. */
export function meamed(
  out: usize, inputs: usize, n: usize, drop: usize,
  network: usize, networkEnd: usize, rows: usize, count: usize
): void {
  const bytes = count << 2
  const further = rows + (n + 1) * ROW
  for (let at: usize = 0; at < bytes; at += ROW) {
    const size = min(ROW, bytes - at)
    sortRows(inputs, n, network, networkEnd, rows, at, size)
    const target = size < ROW ? rows : out + at
    for (let i: usize = 0; i < ROW; i += 16) {
      v128.store(target + i, meanAround(rows + i, further, n, n - drop))
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
