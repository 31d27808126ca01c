/*
 * One-dimensional transforms of Winograd's F(4, 3) (Lavin and Gray, 2016, section 4), on four channels at a time:
 * four outputs of a filter of three from six inputs with six multiplications. Two-dimensional ones apply them to
 * columns, then rows: 36 multiplications for 16 outputs, where the direct way takes 144.
 *
 * Bᵀ transforms inputs, G filters, Aᵀ the products back to outputs; the gradient to the filter takes A and Gᵀ.
 */

// @ts-ignore: decorator
@inline
function times(a: v128, factor: f32): v128 {
  return f32x4.mul(a, f32x4.splat(factor))
}

/** Bᵀ: six values to six, `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function inputLine(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const even = f32x4.sub(d4, times(d2, 4))
  const odd = f32x4.sub(d3, times(d1, 4))
  const near = f32x4.sub(d4, d2)
  const far = times(f32x4.sub(d3, d1), 2)
  v128.store(to, f32x4.add(f32x4.sub(times(d0, 4), times(d2, 5)), d4))
  v128.store(to + step, f32x4.add(even, odd))
  v128.store(to + 2 * step, f32x4.sub(even, odd))
  v128.store(to + 3 * step, f32x4.add(near, far))
  v128.store(to + 4 * step, f32x4.sub(near, far))
  v128.store(to + 5 * step, f32x4.add(f32x4.sub(times(d1, 4), times(d3, 5)), d5))
}

/** Aᵀ: six products to four outputs, which go to four addresses. */
// @ts-ignore: decorator
@inline
export function outputLine(
  m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128, o0: usize, o1: usize, o2: usize, o3: usize,
): void {
  const sum = f32x4.add(m1, m2)
  const difference = f32x4.sub(m1, m2)
  const farSum = f32x4.add(m3, m4)
  const farDifference = f32x4.sub(m3, m4)
  v128.store(o0, f32x4.add(f32x4.add(m0, sum), farSum))
  v128.store(o1, f32x4.add(difference, times(farDifference, 2)))
  v128.store(o2, f32x4.add(sum, times(farSum, 4)))
  v128.store(o3, f32x4.add(f32x4.add(difference, times(farDifference, 8)), m5))
}

/** A: four gradients of outputs to six. */
// @ts-ignore: decorator
@inline
export function outputGradientLine(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = f32x4.add(y0, y2)
  const odd = f32x4.add(y1, y3)
  const farEven = f32x4.add(y0, times(y2, 4))
  const farOdd = f32x4.add(times(y1, 2), times(y3, 8))
  v128.store(to, y0)
  v128.store(to + step, f32x4.add(even, odd))
  v128.store(to + 2 * step, f32x4.sub(even, odd))
  v128.store(to + 3 * step, f32x4.add(farEven, farOdd))
  v128.store(to + 4 * step, f32x4.sub(farEven, farOdd))
  v128.store(to + 5 * step, y3)
}

/** G: three weights to six. */
// @ts-ignore: decorator
@inline
export function filterLine(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const ends = f32x4.add(g0, g2)
  const far = f32x4.add(times(g0, 1 / 24.0), times(g2, 1 / 6.0))
  const middle = times(g1, 1 / 12.0)
  v128.store(to, times(g0, 0.25))
  v128.store(to + step, times(f32x4.add(ends, g1), -1 / 6.0))
  v128.store(to + 2 * step, times(f32x4.sub(ends, g1), -1 / 6.0))
  v128.store(to + 3 * step, f32x4.add(far, middle))
  v128.store(to + 4 * step, f32x4.sub(far, middle))
  v128.store(to + 5 * step, g2)
}

/** Gᵀ: six sums of products to the gradients of three weights. */
// @ts-ignore: decorator
@inline
export function filterGradientLine(
  s0: v128, s1: v128, s2: v128, s3: v128, s4: v128, s5: v128, to: usize, step: usize,
): void {
  const near = times(f32x4.add(s1, s2), 1 / 6.0)
  const far = f32x4.add(s3, s4)
  v128.store(to, f32x4.add(f32x4.sub(times(s0, 0.25), near), times(far, 1 / 24.0)))
  v128.store(to + step, f32x4.add(times(f32x4.sub(s2, s1), 1 / 6.0), times(f32x4.sub(s3, s4), 1 / 12.0)))
  v128.store(to + 2 * step, f32x4.add(f32x4.sub(times(far, 1 / 6.0), near), s5))
}
