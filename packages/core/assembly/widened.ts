// What needs each input many times: means of several sets of inputs, and squared distances of pairs, in tiles of two inputs by
// four. Of a block of 128 coordinates every input is widened to float64 once: the lanes of index 0 and 1 mod 4, then those of 2
// and 3, for these are summed apart.
import { high, low, rounded } from './lanes'

/** Bytes of the lanes of one kind of a widened block. */
const HALF: usize = 512

/** The first `count` of four floats, from 1 to 3, and zeros, which change no sum of squares. */
@inline
function loadSome(x: usize, count: usize): v128 {
  let some = v128.load32_zero(x)
  if (count > 1) some = f32x4.replace_lane(some, 1, load<f32>(x, 4))
  if (count > 2) some = f32x4.replace_lane(some, 2, load<f32>(x, 8))
  return some
}

/**
 * Widens a block of each input.
 * @param inputs addresses of the n inputs, 4 bytes each
 * @param blocks addresses of their widened blocks, 1 KiB each
 * @param at bytes before the block
 * @param count floats of it, from 1 to 128; a multiple of 4 but for the last block of a vector
 */
export function widen(inputs: usize, blocks: usize, n: usize, at: usize, count: usize): void {
  const whole = (count & ~3) << 2
  for (let k: usize = 0; k < n; k++) {
    const x = load<usize>(inputs + (k << 2)) + at
    const to = load<usize>(blocks + (k << 2))
    let i: usize = 0
    for (; i < whole; i += 16) {
      const four = v128.load(x + i)
      v128.store(to + i, low(four))
      v128.store(to + i, high(four), HALF)
    }
    if (count & 3) {
      const some = loadSome(x + i, count & 3)
      v128.store(to + i, low(some))
      v128.store(to + i, high(some), HALF)
    }
  }
}

@inline
function added(sum: v128, x: v128, y: v128): v128 {
  const difference = f64x2.sub(x, y)
  return f64x2.add(sum, f64x2.mul(difference, difference))
}

@inline
function addHalf(tile: usize, sums: usize, half: usize, bytes: usize): void {
  const x = load<usize>(tile) + half
  const y = load<usize>(tile, 4) + half
  const a = load<usize>(tile, 8) + half
  const b = load<usize>(tile, 12) + half
  const c = load<usize>(tile, 16) + half
  const d = load<usize>(tile, 20) + half
  let xa = v128.load(sums)
  let xb = v128.load(sums, 16)
  let xc = v128.load(sums, 32)
  let xd = v128.load(sums, 48)
  let ya = v128.load(sums, 64)
  let yb = v128.load(sums, 80)
  let yc = v128.load(sums, 96)
  let yd = v128.load(sums, 112)
  for (let i: usize = 0; i < bytes; i += 16) {
    const p = v128.load(x + i)
    const q = v128.load(y + i)
    let other = v128.load(a + i)
    xa = added(xa, p, other)
    ya = added(ya, q, other)
    other = v128.load(b + i)
    xb = added(xb, p, other)
    yb = added(yb, q, other)
    other = v128.load(c + i)
    xc = added(xc, p, other)
    yc = added(yc, q, other)
    other = v128.load(d + i)
    xd = added(xd, p, other)
    yd = added(yd, q, other)
  }
  v128.store(sums, xa)
  v128.store(sums, xb, 16)
  v128.store(sums, xc, 32)
  v128.store(sums, xd, 48)
  v128.store(sums, ya, 64)
  v128.store(sums, yb, 80)
  v128.store(sums, yc, 96)
  v128.store(sums, yd, 112)
}

/**
 * Adds (x − a)² … (y − d)² of a block to the sums of each tile.
 * @param tiles addresses of the widened blocks of x, y, a, b, c, d, 24 bytes a tile
 * @param sums 32 float64 a tile: two each of xa, xb, xc, xd, ya … yd by the lanes of index 0 and 1, then by those of 2 and 3
 * @param count floats of the block
 */
export function addTiles(tiles: usize, n: usize, sums: usize, count: usize): void {
  const bytes = ((count + 3) & ~3) << 2
  for (let k: usize = 0; k < n; k++) {
    addHalf(tiles + k * 24, sums + (k << 8), 0, bytes)
    addHalf(tiles + k * 24, sums + (k << 8) + 128, HALF, bytes)
  }
}

@inline
function addHalfOfPairs(pairs: usize, sums: usize, half: usize, bytes: usize): void {
  const a = load<usize>(pairs) + half
  const b = load<usize>(pairs, 4) + half
  const c = load<usize>(pairs, 8) + half
  const d = load<usize>(pairs, 12) + half
  const e = load<usize>(pairs, 16) + half
  const f = load<usize>(pairs, 20) + half
  const g = load<usize>(pairs, 24) + half
  const h = load<usize>(pairs, 28) + half
  let ab = v128.load(sums)
  let cd = v128.load(sums, 16)
  let ef = v128.load(sums, 32)
  let gh = v128.load(sums, 48)
  for (let i: usize = 0; i < bytes; i += 16) {
    ab = added(ab, v128.load(a + i), v128.load(b + i))
    cd = added(cd, v128.load(c + i), v128.load(d + i))
    ef = added(ef, v128.load(e + i), v128.load(f + i))
    gh = added(gh, v128.load(g + i), v128.load(h + i))
  }
  v128.store(sums, ab)
  v128.store(sums, cd, 16)
  v128.store(sums, ef, 32)
  v128.store(sums, gh, 48)
}

/**
 * Adds (a − b)² … (g − h)² of a block to the sums of each group of four pairs that are in no tile.
 * @param groups addresses of the widened blocks of a … h, 32 bytes a group
 * @param sums 16 float64 a group: two each of ab, cd, ef, gh, as for tiles
 * @param count floats of the block
 */
export function addPairs(groups: usize, n: usize, sums: usize, count: usize): void {
  const bytes = ((count + 3) & ~3) << 2
  for (let k: usize = 0; k < n; k++) {
    addHalfOfPairs(groups + (k << 5), sums + (k << 7), 0, bytes)
    addHalfOfPairs(groups + (k << 5), sums + (k << 7) + 64, HALF, bytes)
  }
}

@inline
function quotients(lower: v128, upper: v128, divisors: v128): v128 {
  return rounded(f64x2.div(lower, divisors), f64x2.div(upper, divisors))
}

/**
 * out = (x_0 + x_1 + …) / divisor of n widened blocks, added in float64 from −0 on, and rounded.
 * @param blocks their addresses, 4 bytes each
 */
export function meanOfBlocks(out: usize, blocks: usize, n: usize, divisor: f64, count: usize): void {
  const divisors = f64x2.splat(divisor)
  const none = f64x2.splat(-0.0)
  const end = blocks + (n << 2)
  const bytes = count << 2
  const whole = bytes & ~63
  let i: usize = 0
  for (; i < whole; i += 64) {
    let a = none
    let b = none
    let c = none
    let d = none
    let e = none
    let f = none
    let g = none
    let h = none
    for (let at = blocks; at < end; at += 4) {
      const x = load<usize>(at) + i
      a = f64x2.add(a, v128.load(x))
      b = f64x2.add(b, v128.load(x, 16))
      c = f64x2.add(c, v128.load(x, 32))
      d = f64x2.add(d, v128.load(x, 48))
      e = f64x2.add(e, v128.load(x, HALF))
      f = f64x2.add(f, v128.load(x, HALF + 16))
      g = f64x2.add(g, v128.load(x, HALF + 32))
      h = f64x2.add(h, v128.load(x, HALF + 48))
    }
    v128.store(out + i, quotients(a, e, divisors))
    v128.store(out + i, quotients(b, f, divisors), 16)
    v128.store(out + i, quotients(c, g, divisors), 32)
    v128.store(out + i, quotients(d, h, divisors), 48)
  }
  for (; i < bytes; i += 16) {
    let lower = none
    let upper = none
    for (let at = blocks; at < end; at += 4) {
      const x = load<usize>(at) + i
      lower = f64x2.add(lower, v128.load(x))
      upper = f64x2.add(upper, v128.load(x, HALF))
    }
    const four = quotients(lower, upper, divisors)
    if (bytes - i >= 16) {
      v128.store(out + i, four)
      continue
    }
    store<f32>(out + i, f32x4.extract_lane(four, 0))
    if (bytes - i > 4) store<f32>(out + i, f32x4.extract_lane(four, 1), 4)
    if (bytes - i > 8) store<f32>(out + i, f32x4.extract_lane(four, 2), 8)
  }
}
