import { clear, loadLanes, storeLanes } from './simd'

/** Rows that are summed apart before they are added: the error grows with rows / 64 + 64, not with rows. */
const CHUNK: i32 = 64

/** out[c] = Σ_r x[r][c], times `scale`. */
export function sumRows(x: usize, rows: i32, columns: i32, scale: f32, out: usize): void {
  const stride = (<usize>columns) << 2
  clear(out, columns)
  for (let start = 0; start < rows; start += CHUNK) {
    const count = min(rows - start, CHUNK)
    const chunk = x + (<usize>start) * stride
    for (let c = 0; c < columns; c += 4) {
      const lanes = columns - c
      let at = chunk + (c << 2)
      let sum = f32x4.splat(0)
      for (let r = 0; r < count; r++) {
        sum = f32x4.add(sum, loadLanes(at, lanes))
        at += stride
      }
      const to = out + (c << 2)
      storeLanes(to, f32x4.add(sum, loadLanes(to, lanes)), lanes)
    }
  }
  for (let c = 0; c < columns; c++) f32.store(out + (c << 2), f32.load(out + (c << 2)) * scale)
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
