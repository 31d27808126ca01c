/** Bytes of one vector of four floats. */
export const VECTOR: usize = 16

/** a · b + c, fused where the module is built with relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

// @ts-ignore: decorator
@inline
export function roundUp(value: i32, multiple: i32): i32 {
  return ((value + multiple - 1) / multiple) * multiple
}

export function clear(address: usize, floats: i32): void {
  memory.fill(address, 0, (<usize>floats) << 2)
}

/** Stores the first `count` (1 … 4) lanes. */
// @ts-ignore: decorator
@inline
export function storeLanes(address: usize, value: v128, count: i32): void {
  if (count >= 4) {
    v128.store(address, value)
    return
  }
  f32.store(address, f32x4.extract_lane(value, 0))
  if (count > 1) f32.store(address, f32x4.extract_lane(value, 1), 4)
  if (count > 2) f32.store(address, f32x4.extract_lane(value, 2), 8)
}

/** Loads `count` (1 … 4) floats; the other lanes are 0. */
// @ts-ignore: decorator
@inline
export function loadLanes(address: usize, count: i32): v128 {
  if (count >= 4) return v128.load(address)
  let value = f32x4.replace_lane(f32x4.splat(0), 0, f32.load(address))
  if (count > 1) value = f32x4.replace_lane(value, 1, f32.load(address, 4))
  if (count > 2) value = f32x4.replace_lane(value, 2, f32.load(address, 8))
  return value
}
