export function copy(out: usize, x: usize, count: usize): void {
  memory.copy(out, x, count << 2)
}

export function fill(out: usize, value: f32, count: usize): void {
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) v128.store(out + i, f32x4.splat(value))
  for (; i < bytes; i += 4) store<f32>(out + i, value)
}

/** out = a·x */
export function scale(out: usize, x: usize, a: f32, count: usize): void {
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) v128.store(out + i, f32x4.mul(f32x4.splat(a), v128.load(x + i)))
  for (; i < bytes; i += 4) store<f32>(out + i, a * load<f32>(x + i))
}

/** y = y + a·x */
export function axpy(y: usize, a: f32, x: usize, count: usize): void {
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(f32x4.splat(a), v128.load(x + i))))
  }
  for (; i < bytes; i += 4) store<f32>(y + i, load<f32>(y + i) + a * load<f32>(x + i))
}

/** out = x where |x| > a·|y|, else +0 */
export function above(out: usize, x: usize, a: f32, y: usize, count: usize): void {
  const bytes = count << 2
  const whole = bytes & ~15
  let i: usize = 0
  for (; i < whole; i += 16) {
    const value = v128.load(x + i)
    const bound = f32x4.mul(f32x4.splat(a), f32x4.abs(v128.load(y + i)))
    v128.store(out + i, v128.and(value, f32x4.gt(f32x4.abs(value), bound)))
  }
  for (; i < bytes; i += 4) {
    const value = load<f32>(x + i)
    store<f32>(out + i, abs<f32>(value) > a * abs<f32>(load<f32>(y + i)) ? value : 0)
  }
}
