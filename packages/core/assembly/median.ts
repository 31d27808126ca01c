// Sixteen coordinates at a time: one row of 64 bytes per input, as integers in the total order of IEEE 754, sorted by
// a network of comparators that the caller gives.

const ROW: usize = 64

/** Float32 bits as integers in total order; its own inverse. */
@inline
function orderedKey(bits: v128): v128 {
  return v128.xor(bits, v128.and(i32x4.shr_s(bits, 31), i32x4.splat(0x7fffffff)))
}

@inline
function compare(a: usize, b: usize): void {
  const x = v128.load(a)
  const y = v128.load(b)
  v128.store(a, i32x4.min_s(x, y))
  v128.store(b, i32x4.max_s(x, y))
}

/** (a + b) / 2 in float64, rounded. */
@inline
function middle(a: v128, b: v128): v128 {
  const half = f64x2.splat(0.5)
  const low = f64x2.mul(f64x2.add(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b)), half)
  const upperA = f64x2.promote_low_f32x4(v128.shuffle<u64>(a, a, 1, 1))
  const upperB = f64x2.promote_low_f32x4(v128.shuffle<u64>(b, b, 1, 1))
  const high = f64x2.mul(f64x2.add(upperA, upperB), half)
  return v128.shuffle<u64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
}

/**
 * @param inputs addresses of the n inputs, 4 bytes each
 * @param network pairs of row offsets in bytes, 2 bytes each
 * @param rows n rows of scratch
 */
export function median(out: usize, inputs: usize, n: usize, network: usize, comparators: usize, rows: usize, count: usize): void {
  const bytes = count << 2
  const low = rows + ((n - 1) >> 1) * ROW
  const high = rows + (n >> 1) * ROW
  const networkEnd = network + (comparators << 2)
  for (let at: usize = 0; at < bytes; at += ROW) {
    const size = min(ROW, bytes - at)
    for (let k: usize = 0; k < n; k++) {
      const row = rows + k * ROW
      let source = load<usize>(inputs + (k << 2)) + at
      if (size < ROW) {
        memory.copy(row, source, size)
        source = row
      }
      v128.store(row, orderedKey(v128.load(source)))
      v128.store(row, orderedKey(v128.load(source, 16)), 16)
      v128.store(row, orderedKey(v128.load(source, 32)), 32)
      v128.store(row, orderedKey(v128.load(source, 48)), 48)
    }
    for (let c = network; c < networkEnd; c += 4) {
      const a = rows + load<u16>(c)
      const b = rows + load<u16>(c, 2)
      compare(a, b)
      compare(a + 16, b + 16)
      compare(a + 32, b + 32)
      compare(a + 48, b + 48)
    }
    const target = size < ROW ? low : out + at
    for (let i: usize = 0; i < ROW; i += 16) {
      v128.store(target + i, middle(orderedKey(v128.load(low + i)), orderedKey(v128.load(high + i))))
    }
    if (size < ROW) memory.copy(out + at, low, size)
  }
}
