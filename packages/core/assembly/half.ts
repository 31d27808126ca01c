// binary16 and bfloat16. Odd elements at the end go through the same lanes as the others, one at a time.

/** Four floats to binary16 in the low halves of four integers. */
@inline
function encode(x: v128): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff))
  const sign = i32x4.shr_u(v128.xor(x, magnitude), 16)
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1))
  const normal = i32x4.shr_u(i32x4.add(i32x4.sub(magnitude, i32x4.splat(0x38000000 - 0xfff)), odd), 13)
  // below 2^-14 the adder rounds: one unit in the last place of 0.5 is half's smallest subnormal
  const small = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000))
  let half = v128.bitselect(small, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)))
  half = v128.bitselect(i32x4.splat(0x7c00), half, i32x4.ge_s(magnitude, i32x4.splat(0x47800000)))
  half = v128.bitselect(i32x4.splat(0x7e00), half, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)))
  return v128.or(half, sign)
}

/** Four binary16 in the low halves of four integers to floats. */
@inline
function decode(half: v128): v128 {
  const exponent = v128.and(half, i32x4.splat(0x7c00))
  const infinite = v128.and(i32x4.eq(exponent, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000))
  const magnitude = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13)
  const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16)
  const scaled = f32x4.mul(magnitude, f32x4.splat(5192296858534827628530496329220096.0)) // 2^112
  return v128.or(v128.or(scaled, infinite), sign)
}

export function encodeF16(out: usize, x: usize, count: usize): void {
  const whole = count & ~7
  let i: usize = 0
  for (; i < whole; i += 8) {
    const low = encode(v128.load(x + (i << 2)))
    const high = encode(v128.load(x + (i << 2), 16))
    v128.store(out + (i << 1), i16x8.narrow_i32x4_u(low, high))
  }
  for (; i < count; i++) {
    store<u16>(out + (i << 1), <u16>i32x4.extract_lane(encode(v128.load32_splat(x + (i << 2))), 0))
  }
}

export function decodeF16(out: usize, x: usize, count: usize): void {
  const whole = count & ~7
  let i: usize = 0
  for (; i < whole; i += 8) {
    const halves = v128.load(x + (i << 1))
    v128.store(out + (i << 2), decode(i32x4.extend_low_i16x8_u(halves)))
    v128.store(out + (i << 2), decode(i32x4.extend_high_i16x8_u(halves)), 16)
  }
  for (; i < count; i++) {
    store<i32>(out + (i << 2), i32x4.extract_lane(decode(i32x4.splat(load<u16>(x + (i << 1)))), 0))
  }
}

/** y = y + decoded x */
export function addF16(y: usize, x: usize, count: usize): void {
  const whole = count & ~7
  let i: usize = 0
  for (; i < whole; i += 8) {
    const at = y + (i << 2)
    const halves = v128.load(x + (i << 1))
    v128.store(at, f32x4.add(v128.load(at), decode(i32x4.extend_low_i16x8_u(halves))))
    v128.store(at, f32x4.add(v128.load(at, 16), decode(i32x4.extend_high_i16x8_u(halves))), 16)
  }
  for (; i < count; i++) {
    const at = y + (i << 2)
    store<f32>(at, load<f32>(at) + f32x4.extract_lane(decode(i32x4.splat(load<u16>(x + (i << 1)))), 0))
  }
}

/** Four floats to bfloat16 in the low halves of four integers. */
@inline
function encodeBrain(x: v128): v128 {
  const upper = i32x4.shr_u(x, 16)
  const odd = v128.and(upper, i32x4.splat(1))
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16)
  const nan = i32x4.gt_s(v128.and(x, i32x4.splat(0x7fffffff)), i32x4.splat(0x7f800000))
  return v128.bitselect(v128.or(upper, i32x4.splat(0x40)), rounded, nan)
}

export function encodeBF16(out: usize, x: usize, count: usize): void {
  const whole = count & ~7
  let i: usize = 0
  for (; i < whole; i += 8) {
    const low = encodeBrain(v128.load(x + (i << 2)))
    const high = encodeBrain(v128.load(x + (i << 2), 16))
    v128.store(out + (i << 1), i16x8.narrow_i32x4_u(low, high))
  }
  for (; i < count; i++) {
    store<u16>(out + (i << 1), <u16>i32x4.extract_lane(encodeBrain(v128.load32_splat(x + (i << 2))), 0))
  }
}

export function decodeBF16(out: usize, x: usize, count: usize): void {
  const whole = count & ~7
  let i: usize = 0
  for (; i < whole; i += 8) {
    const halves = v128.load(x + (i << 1))
    v128.store(out + (i << 2), i32x4.shl(i32x4.extend_low_i16x8_u(halves), 16))
    v128.store(out + (i << 2), i32x4.shl(i32x4.extend_high_i16x8_u(halves), 16), 16)
  }
  for (; i < count; i++) store<u32>(out + (i << 2), <u32>load<u16>(x + (i << 1)) << 16)
}
