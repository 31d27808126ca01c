// Sums in float64: four of them by index mod 4 (two pairs of lanes), then (s0 + s1) + (s2 + s3).
import { high, low, notFinite } from './lanes'

@inline
function sumOfTerms(x: usize, y: usize, count: usize, distance: bool): f64 {
  const bytes = count << 2
  const whole = bytes & ~15
  let s01 = f64x2.splat(0)
  let s23 = f64x2.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) {
    const a = v128.load(x + i)
    const b = v128.load(y + i)
    if (distance) {
      const d01 = f64x2.sub(low(a), low(b))
      const d23 = f64x2.sub(high(a), high(b))
      s01 = f64x2.add(s01, f64x2.mul(d01, d01))
      s23 = f64x2.add(s23, f64x2.mul(d23, d23))
    } else {
      s01 = f64x2.add(s01, f64x2.mul(low(a), low(b)))
      s23 = f64x2.add(s23, f64x2.mul(high(a), high(b)))
    }
  }
  let s0 = f64x2.extract_lane(s01, 0)
  let s1 = f64x2.extract_lane(s01, 1)
  let s2 = f64x2.extract_lane(s23, 0)
  if (i < bytes) s0 += term(x + i, y + i, distance)
  if (i + 4 < bytes) s1 += term(x + i + 4, y + i + 4, distance)
  if (i + 8 < bytes) s2 += term(x + i + 8, y + i + 8, distance)
  return s0 + s1 + (s2 + f64x2.extract_lane(s23, 1))
}

@inline
function term(x: usize, y: usize, distance: bool): f64 {
  const a = <f64>load<f32>(x)
  const b = <f64>load<f32>(y)
  return distance ? (a - b) * (a - b) : a * b
}

export function dot(x: usize, y: usize, count: usize): f64 {
  return sumOfTerms(x, y, count, false)
}

export function squaredDistance(x: usize, y: usize, count: usize): f64 {
  return sumOfTerms(x, y, count, true)
}

/** max |x_i|, 0 of nothing, NaN when there is one: magnitudes are ordered as their bits are, and NaN lies above */
export function maxAbs(x: usize, count: usize): f32 {
  const magnitude = i32x4.splat(0x7fffffff)
  const bytes = count << 2
  const whole = bytes & ~15
  let lanes = i32x4.splat(0)
  let i: usize = 0
  for (; i < whole; i += 16) lanes = i32x4.max_s(lanes, v128.and(v128.load(x + i), magnitude))
  for (; i < bytes; i += 4) lanes = i32x4.max_s(lanes, v128.and(v128.load32_splat(x + i), magnitude))
  lanes = i32x4.max_s(lanes, v128.shuffle<u64>(lanes, lanes, 1, 0))
  return f32x4.extract_lane(i32x4.max_s(lanes, v128.shuffle<u32>(lanes, lanes, 1, 0, 3, 2)), 0)
}

/** index of the first NaN or infinity (its exponent is all ones), −1 when all are finite */
export function firstNonFinite(x: usize, count: usize): i32 {
  const bytes = count << 2
  let i: usize = 0
  for (const whole = bytes & ~15; i < whole; i += 16) {
    if (v128.any_true(notFinite(v128.load(x + i)))) break
  }
  for (; i < bytes; i += 4) {
    if ((load<u32>(x + i) & 0x7f800000) == 0x7f800000) return <i32>(i >> 2)
  }
  return -1
}
