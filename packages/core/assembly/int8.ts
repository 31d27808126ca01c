import { maxAbs } from './reductions'

const BLOCK: usize = 1024
/** 8454659·2⁹⁸: what is above decodes to infinity, for 127 of it are more than a float32. */
const LARGEST_SCALE = reinterpret<f32>(0x7c010203)

/** Four floats over the scale, rounded to nearest even and clamped to ±127. */
@inline
function quantised(x: v128, scales: v128): v128 {
  const rounded = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.div(x, scales)))
  return i32x4.max_s(i32x4.min_s(rounded, i32x4.splat(127)), i32x4.splat(-127))
}

export function quantiseInt8(values: usize, scales: usize, x: usize, count: usize): void {
  for (let start: usize = 0; start < count; start += BLOCK) {
    const end = min<usize>(start + BLOCK, count)
    const scale = min<f32>(maxAbs(x + (start << 2), end - start) / 127, LARGEST_SCALE)
    store<f32>(scales + (start / BLOCK << 2), scale)
    if (scale == 0) {
      memory.fill(values + start, 0, end - start)
      continue
    }
    const lanes = f32x4.splat(scale)
    const whole = end & ~15
    let i = start
    for (; i < whole; i += 16) {
      const at = x + (i << 2)
      const low = i16x8.narrow_i32x4_s(quantised(v128.load(at), lanes), quantised(v128.load(at, 16), lanes))
      const high = i16x8.narrow_i32x4_s(quantised(v128.load(at, 32), lanes), quantised(v128.load(at, 48), lanes))
      v128.store(values + i, i8x16.narrow_i16x8_s(low, high))
    }
    for (; i < end; i++) {
      store<i8>(values + i, <i8>i32x4.extract_lane(quantised(v128.load32_splat(x + (i << 2)), lanes), 0))
    }
  }
}

export function dequantiseInt8(out: usize, values: usize, scales: usize, count: usize): void {
  for (let start: usize = 0; start < count; start += BLOCK) {
    const end = min<usize>(start + BLOCK, count)
    const scale = load<f32>(scales + (start / BLOCK << 2))
    const lanes = f32x4.splat(scale)
    const whole = end & ~7
    let i = start
    for (; i < whole; i += 8) {
      const words = v128.load_ext<i8>(values + i)
      v128.store(out + (i << 2), f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words)), lanes))
      v128.store(out + (i << 2), f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(words)), lanes), 16)
    }
    for (; i < end; i++) store<f32>(out + (i << 2), <f32>load<i8>(values + i) * scale)
  }
}
