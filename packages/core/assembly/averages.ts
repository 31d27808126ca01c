// Weighted sums and squared distances in float64, four inputs at a time, block by block: what is not finished at the end
// of a block waits in float64 in the caller's scratch.
import { high, low, rounded } from './lanes'

@inline
function term(x: usize, weight: f64): f64 {
  return weight * <f64>load<f32>(x)
}

/** acc = acc + p·a + q·b + r·c + s·d, where `fresh` begins with −0; acc holds float64, the inputs float32 */
export function addWeighted4(
  acc: usize, a: usize, b: usize, c: usize, d: usize,
  p: f64, q: f64, r: f64, s: f64, fresh: bool, count: usize
): void {
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) {
    const to = acc + (i << 1)
    const w = v128.load(a + i)
    const x = v128.load(b + i)
    const y = v128.load(c + i)
    const z = v128.load(d + i)
    let lower = fresh ? f64x2.splat(-0.0) : v128.load(to)
    let upper = fresh ? f64x2.splat(-0.0) : v128.load(to, 16)
    lower = f64x2.add(lower, f64x2.mul(f64x2.splat(p), low(w)))
    upper = f64x2.add(upper, f64x2.mul(f64x2.splat(p), high(w)))
    lower = f64x2.add(lower, f64x2.mul(f64x2.splat(q), low(x)))
    upper = f64x2.add(upper, f64x2.mul(f64x2.splat(q), high(x)))
    lower = f64x2.add(lower, f64x2.mul(f64x2.splat(r), low(y)))
    upper = f64x2.add(upper, f64x2.mul(f64x2.splat(r), high(y)))
    lower = f64x2.add(lower, f64x2.mul(f64x2.splat(s), low(z)))
    upper = f64x2.add(upper, f64x2.mul(f64x2.splat(s), high(z)))
    v128.store(to, lower)
    v128.store(to, upper, 16)
  }
  for (; i < bytes; i += 4) {
    const to = acc + (i << 1)
    const sum = (fresh ? -0.0 : load<f64>(to)) + term(a + i, p) + term(b + i, q) + term(c + i, r)
    store<f64>(to, sum + term(d + i, s))
  }
}

/** out = acc / divisor, rounded to float32 */
export function divideRounded(out: usize, acc: usize, divisor: f64, count: usize): void {
  const divisors = f64x2.splat(divisor)
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) {
    const from = acc + (i << 1)
    v128.store(out + i, rounded(f64x2.div(v128.load(from), divisors), f64x2.div(v128.load(from, 16), divisors)))
  }
  for (; i < bytes; i += 4) store<f32>(out + i, <f32>(load<f64>(acc + (i << 1)) / divisor))
}

@inline
function square(x: v128): v128 {
  return f64x2.mul(x, x)
}

@inline
function addSquare(lane: usize, x: usize, y: usize): void {
  const difference = <f64>load<f32>(x) - <f64>load<f32>(y)
  store<f64>(lane, load<f64>(lane) + difference * difference)
}

/**
 * Adds (x − a)², (x − b)², (x − c)², (x − d)² to four float64 sums each, by index mod 4.
 * @param sums 16 float64: four of a, then of b, c, d
 * @param count a multiple of 4, but for the last block of a vector
 */
export function addDistances4(sums: usize, x: usize, a: usize, b: usize, c: usize, d: usize, count: usize): void {
  const bytes = count << 2
  const whole = bytes & ~15
  let a01 = v128.load(sums)
  let a23 = v128.load(sums, 16)
  let b01 = v128.load(sums, 32)
  let b23 = v128.load(sums, 48)
  let c01 = v128.load(sums, 64)
  let c23 = v128.load(sums, 80)
  let d01 = v128.load(sums, 96)
  let d23 = v128.load(sums, 112)
  let i: usize = 0
  for (; i < whole; i += 16) {
    const four = v128.load(x + i)
    const lower = low(four)
    const upper = high(four)
    let y = v128.load(a + i)
    a01 = f64x2.add(a01, square(f64x2.sub(lower, low(y))))
    a23 = f64x2.add(a23, square(f64x2.sub(upper, high(y))))
    y = v128.load(b + i)
    b01 = f64x2.add(b01, square(f64x2.sub(lower, low(y))))
    b23 = f64x2.add(b23, square(f64x2.sub(upper, high(y))))
    y = v128.load(c + i)
    c01 = f64x2.add(c01, square(f64x2.sub(lower, low(y))))
    c23 = f64x2.add(c23, square(f64x2.sub(upper, high(y))))
    y = v128.load(d + i)
    d01 = f64x2.add(d01, square(f64x2.sub(lower, low(y))))
    d23 = f64x2.add(d23, square(f64x2.sub(upper, high(y))))
  }
  v128.store(sums, a01)
  v128.store(sums, a23, 16)
  v128.store(sums, b01, 32)
  v128.store(sums, b23, 48)
  v128.store(sums, c01, 64)
  v128.store(sums, c23, 80)
  v128.store(sums, d01, 96)
  v128.store(sums, d23, 112)
  for (; i < bytes; i += 4) {
    const lane = sums + ((i & 12) << 1)
    addSquare(lane, x + i, a + i)
    addSquare(lane + 32, x + i, b + i)
    addSquare(lane + 64, x + i, c + i)
    addSquare(lane + 96, x + i, d + i)
  }
}
