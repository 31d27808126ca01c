import { clear, loadLanes, storeLanes } from './simd'

/** Rows that are summed apart before they are added: the error grows with rows / 64 + 64, not with rows. */
const CHUNK: i32 = 64

/** out[c] = Σ_r x[r][c], times `scale`. */
export function sumRows(x: usize, rows: i32, columns: i32, scale: f32, out: usize): void {
  const stride = (<usize>columns) << 2
  const whole = (<usize>(columns & ~3)) << 2
  clear(out, columns)
  for (let start = 0; start < rows; start += CHUNK) {
    const bytes = (<usize>min(rows - start, CHUNK)) * stride
    for (let at: usize = 0; at < whole; at += 16) addRows(x + at, bytes, stride, out + at, 4)
    if (whole < stride) addRows(x + whole, bytes, stride, out + whole, columns & 3)
    x += bytes
  }
  for (let c = 0; c < columns; c++) f32.store(out + (c << 2), f32.load(out + (c << 2)) * scale)
}

// @ts-ignore: decorator
@inline
function addRows(first: usize, bytes: usize, stride: usize, out: usize, lanes: i32): void {
  let sum = f32x4.splat(0)
  const end = first + bytes
  for (let at = first; at < end; at += stride) sum = f32x4.add(sum, loadLanes(at, lanes))
  storeLanes(out, f32x4.add(sum, loadLanes(out, lanes)), lanes)
}

/** out[segments[i]] += x[i], rows of `columns` floats; a segment outside 0 … segmentCount − 1 is left out. */
export function segmentSum(x: usize, segments: usize, rows: i32, columns: i32, segmentCount: i32, out: usize): void {
  clear(out, segmentCount * columns)
  for (let r = 0; r < rows; r++) {
    const segment = load<i32>(segments + (r << 2))
    if (<u32>segment < <u32>segmentCount) {
      const to = out + ((<usize>(segment * columns)) << 2)
      for (let c = 0; c < columns; c += 4) {
        const lanes = columns - c
        const at = <usize>(c << 2)
        storeLanes(to + at, f32x4.add(loadLanes(to + at, lanes), loadLanes(x + at, lanes)), lanes)
      }
    }
    x += (<usize>columns) << 2
  }
}
