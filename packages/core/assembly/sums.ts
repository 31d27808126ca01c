// Sums over inputs, four at a time, so that the output is read and written once per four inputs. Block by block: that of the
// output stays in the second-level cache while the inputs pass, and is long enough for the processor to fetch them ahead.

import { notFinite } from './lanes'

/** Bytes of a block. */
const BLOCK: usize = 128 << 10

/**
 * `bytes` of one block, from `at` on: out = [out +] x_0 + … [/ divisor, unless it is 0]. Whether all of that is finite.
 * @param inputs addresses of `taken` inputs, 1 to 4
 */
@inline
function addUp(out: usize, inputs: usize, taken: i32, more: bool, divisor: f32, at: usize, bytes: usize): bool {
  const to = out + at
  const a = load<usize>(inputs) + at
  const b = taken > 1 ? load<usize>(inputs, 4) + at : 0
  const c = taken > 2 ? load<usize>(inputs, 8) + at : 0
  const d = taken > 3 ? load<usize>(inputs, 12) + at : 0
  const divisors = f32x4.splat(divisor)
  const whole = bytes & ~15
  let odd = i32x4.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) {
    let s = v128.load(a + i)
    if (more) s = f32x4.add(v128.load(to + i), s)
    if (taken > 1) s = f32x4.add(s, v128.load(b + i))
    if (taken > 2) s = f32x4.add(s, v128.load(c + i))
    if (taken > 3) s = f32x4.add(s, v128.load(d + i))
    if (divisor != 0) s = f32x4.div(s, divisors)
    v128.store(to + i, s)
    odd = v128.or(odd, notFinite(s))
  }
  let finite = !v128.any_true(odd)
  for (; i < bytes; i += 4) {
    let s = load<f32>(a + i)
    if (more) s = load<f32>(to + i) + s
    if (taken > 1) s = s + load<f32>(b + i)
    if (taken > 2) s = s + load<f32>(c + i)
    if (taken > 3) s = s + load<f32>(d + i)
    if (divisor != 0) s = s / divisor
    store<f32>(to + i, s)
    finite = finite && isFinite<f32>(s)
  }
  return finite
}

/** The same of p·x_0 + …, without a divisor. @param weights p and so on, 4 bytes each */
@inline
function addWeighted(out: usize, inputs: usize, weights: usize, taken: i32, more: bool, at: usize, bytes: usize): bool {
  const to = out + at
  const a = load<usize>(inputs) + at
  const b = taken > 1 ? load<usize>(inputs, 4) + at : 0
  const c = taken > 2 ? load<usize>(inputs, 8) + at : 0
  const d = taken > 3 ? load<usize>(inputs, 12) + at : 0
  const p = load<f32>(weights)
  const q: f32 = taken > 1 ? load<f32>(weights, 4) : 0
  const r: f32 = taken > 2 ? load<f32>(weights, 8) : 0
  const t: f32 = taken > 3 ? load<f32>(weights, 12) : 0
  const whole = bytes & ~15
  let odd = i32x4.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) {
    let s = f32x4.mul(f32x4.splat(p), v128.load(a + i))
    if (more) s = f32x4.add(v128.load(to + i), s)
    if (taken > 1) s = f32x4.add(s, f32x4.mul(f32x4.splat(q), v128.load(b + i)))
    if (taken > 2) s = f32x4.add(s, f32x4.mul(f32x4.splat(r), v128.load(c + i)))
    if (taken > 3) s = f32x4.add(s, f32x4.mul(f32x4.splat(t), v128.load(d + i)))
    v128.store(to + i, s)
    odd = v128.or(odd, notFinite(s))
  }
  let finite = !v128.any_true(odd)
  for (; i < bytes; i += 4) {
    let s = p * load<f32>(a + i)
    if (more) s = load<f32>(to + i) + s
    if (taken > 1) s = s + q * load<f32>(b + i)
    if (taken > 2) s = s + r * load<f32>(c + i)
    if (taken > 3) s = s + t * load<f32>(d + i)
    store<f32>(to + i, s)
    finite = finite && isFinite<f32>(s)
  }
  return finite
}

/**
 * out = (x_0 + … + x_{n−1}) / divisor, or the sum when that is 0. Whether all of it is finite.
 * @param inputs their addresses, 4 bytes each
 * @param more begins with what is in `out`
 */
export function sum(out: usize, inputs: usize, n: usize, more: bool, divisor: f32, count: usize): bool {
  const bytes = count << 2
  let finite = true
  for (let at: usize = 0; at < bytes; at += BLOCK) {
    const size = min(BLOCK, bytes - at)
    let begun = more
    for (let k: usize = 0; k < n; k += 4) {
      const from = inputs + (k << 2)
      const left = n - k
      const quotient = left <= 4 ? divisor : 0
      if (begun) {
        if (left >= 4) finite = addUp(out, from, 4, true, quotient, at, size) && finite
        else if (left == 3) finite = addUp(out, from, 3, true, quotient, at, size) && finite
        else if (left == 2) finite = addUp(out, from, 2, true, quotient, at, size) && finite
        else finite = addUp(out, from, 1, true, quotient, at, size) && finite
      } else {
        if (left >= 4) finite = addUp(out, from, 4, false, quotient, at, size) && finite
        else if (left == 3) finite = addUp(out, from, 3, false, quotient, at, size) && finite
        else if (left == 2) finite = addUp(out, from, 2, false, quotient, at, size) && finite
        else finite = addUp(out, from, 1, false, quotient, at, size) && finite
      }
      begun = true
    }
  }
  return finite
}

/** out = w_0·x_0 + … + w_{n−1}·x_{n−1}. Whether all of it is finite. @param weights 4 bytes each */
export function weightedSum(out: usize, inputs: usize, weights: usize, n: usize, more: bool, count: usize): bool {
  const bytes = count << 2
  let finite = true
  for (let at: usize = 0; at < bytes; at += BLOCK) {
    const size = min(BLOCK, bytes - at)
    let begun = more
    for (let k: usize = 0; k < n; k += 4) {
      const from = inputs + (k << 2)
      const by = weights + (k << 2)
      const left = n - k
      if (begun) {
        if (left >= 4) finite = addWeighted(out, from, by, 4, true, at, size) && finite
        else if (left == 3) finite = addWeighted(out, from, by, 3, true, at, size) && finite
        else if (left == 2) finite = addWeighted(out, from, by, 2, true, at, size) && finite
        else finite = addWeighted(out, from, by, 1, true, at, size) && finite
      } else {
        if (left >= 4) finite = addWeighted(out, from, by, 4, false, at, size) && finite
        else if (left == 3) finite = addWeighted(out, from, by, 3, false, at, size) && finite
        else if (left == 2) finite = addWeighted(out, from, by, 2, false, at, size) && finite
        else finite = addWeighted(out, from, by, 1, false, at, size) && finite
      }
      begun = true
    }
  }
  return finite
}
