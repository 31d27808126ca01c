// Float32 lanes as float64 and back.

@inline
export function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x)
}

@inline
export function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<u64>(x, x, 1, 1))
}

/** Rounds each to float32. */
@inline
export function rounded(low: v128, high: v128): v128 {
  return v128.shuffle<u64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
}

/** All ones in the lanes of an infinity or a NaN, whose exponent is all ones. */
@inline
export function notFinite(x: v128): v128 {
  const exponent = i32x4.splat(0x7f800000)
  return i32x4.eq(v128.and(x, exponent), exponent)
}
