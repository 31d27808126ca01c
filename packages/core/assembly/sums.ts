// Sums over inputs, four at a time, so that the output passes through memory once per four inputs.

@inline
function sumOfFour(out: usize, a: usize, b: usize, c: usize, d: usize, count: usize, more: bool, divisor: f32): void {
  const divisors = f32x4.splat(divisor)
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) {
    let s = v128.load(a + i)
    if (more) s = f32x4.add(v128.load(out + i), s)
    s = f32x4.add(f32x4.add(f32x4.add(s, v128.load(b + i)), v128.load(c + i)), v128.load(d + i))
    if (divisor != 0) s = f32x4.div(s, divisors)
    v128.store(out + i, s)
  }
  for (; i < bytes; i += 4) {
    let s = load<f32>(a + i)
    if (more) s = load<f32>(out + i) + s
    s = s + load<f32>(b + i) + load<f32>(c + i) + load<f32>(d + i)
    if (divisor != 0) s = s / divisor
    store<f32>(out + i, s)
  }
}

/** out = a + b + c + d */
export function sum4(out: usize, a: usize, b: usize, c: usize, d: usize, count: usize): void {
  sumOfFour(out, a, b, c, d, count, false, 0)
}

/** out = (a + b + c + d) / divisor */
export function mean4(out: usize, a: usize, b: usize, c: usize, d: usize, count: usize, divisor: f32): void {
  sumOfFour(out, a, b, c, d, count, false, divisor)
}

/** out = out + a + b + c + d */
export function addSum4(out: usize, a: usize, b: usize, c: usize, d: usize, count: usize): void {
  sumOfFour(out, a, b, c, d, count, true, 0)
}

/** out = (out + a + b + c + d) / divisor */
export function addMean4(out: usize, a: usize, b: usize, c: usize, d: usize, count: usize, divisor: f32): void {
  sumOfFour(out, a, b, c, d, count, true, divisor)
}

/** out = out + p·a + q·b + r·c + s·d */
export function axpy4(
  out: usize, a: usize, b: usize, c: usize, d: usize,
  p: f32, q: f32, r: f32, s: f32, count: usize
): void {
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) {
    let sum = f32x4.add(v128.load(out + i), f32x4.mul(f32x4.splat(p), v128.load(a + i)))
    sum = f32x4.add(sum, f32x4.mul(f32x4.splat(q), v128.load(b + i)))
    sum = f32x4.add(sum, f32x4.mul(f32x4.splat(r), v128.load(c + i)))
    sum = f32x4.add(sum, f32x4.mul(f32x4.splat(s), v128.load(d + i)))
    v128.store(out + i, sum)
  }
  for (; i < bytes; i += 4) {
    let sum = load<f32>(out + i) + p * load<f32>(a + i)
    sum = sum + q * load<f32>(b + i)
    sum = sum + r * load<f32>(c + i)
    store<f32>(out + i, sum + s * load<f32>(d + i))
  }
}
