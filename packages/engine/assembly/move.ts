/** Copies `bytes` bytes; most rows are a few vectors long, for which a call of memory.copy is slow. */
// @ts-ignore: decorator
@inline
function copy(to: usize, from: usize, bytes: usize): void {
  if (bytes > 256) {
    memory.copy(to, from, bytes)
    return
  }
  const end = from + bytes
  while (from + 16 <= end) {
    v128.store(to, v128.load(from))
    from += 16
    to += 16
  }
  while (from + 4 <= end) {
    store<u32>(to, load<u32>(from))
    from += 4
    to += 4
  }
  while (from < end) store<u8>(to++, load<u8>(from++))
}

/** Copies `rows` rows of `bytes` bytes that start `fromStride` bytes apart to such that start `toStride` apart. */
export function copyRows(from: usize, fromStride: usize, to: usize, toStride: usize, rows: i32, bytes: usize): void {
  for (let r = 0; r < rows; r++) {
    copy(to, from, bytes)
    from += fromStride
    to += toStride
  }
}

/** Each of `rows` rows of `bytes` bytes `times` times, one after the other. */
export function repeatRows(from: usize, rows: i32, bytes: usize, times: i32, to: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let t = 0; t < times; t++) {
      copy(to, from, bytes)
      to += bytes
    }
    from += bytes
  }
}

/** In each of `groups` groups of `size` rows of `bytes` bytes, the rows in the opposite order. */
export function reverseRows(from: usize, groups: i32, size: i32, bytes: usize, to: usize): void {
  for (let g = 0; g < groups; g++) {
    for (let i = size - 1; i >= 0; i--) {
      copy(to, from + (<usize>i) * bytes, bytes)
      to += bytes
    }
    from += (<usize>size) * bytes
  }
}
