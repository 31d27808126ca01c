import { loadLanes, storeLanes } from './simd'

/** dx = dy where 0 < x ≤ ceiling, else 0: the gradient of ReLU (ceiling Infinity) and of ReLU6 (6). */
export function reluGradient(dy: usize, x: usize, count: i32, ceiling: f32, dx: usize): void {
  const zero = f32x4.splat(0)
  const top = f32x4.splat(ceiling)
  for (let i = 0; i < count; i += 4) {
    const lanes = count - i
    const value = loadLanes(x, lanes)
    const open = v128.and(f32x4.gt(value, zero), f32x4.le(value, top))
    storeLanes(dx, v128.and(loadLanes(dy, lanes), open), lanes)
    x += 16
    dy += 16
    dx += 16
  }
}

/** y = min(max(x, 0), ceiling); a NaN stays one. */
export function relu(x: usize, count: i32, ceiling: f32, y: usize): void {
  const zero = f32x4.splat(0)
  const top = f32x4.splat(ceiling)
  for (let i = 0; i < count; i += 4) {
    storeLanes(y, f32x4.min(f32x4.max(loadLanes(x, count - i), zero), top), count - i)
    x += 16
    y += 16
  }
}

/** y = min(max(y + bias, floor), ceiling) in place, the bias by column. */
export function biasClamp(y: usize, rows: i32, columns: i32, bias: usize, floor: f32, ceiling: f32): void {
  const bottom = f32x4.splat(floor)
  const top = f32x4.splat(ceiling)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c += 4) {
      const lanes = columns - c
      const value = f32x4.add(loadLanes(y + (c << 2), lanes), loadLanes(bias + (c << 2), lanes))
      storeLanes(y + (c << 2), f32x4.min(f32x4.max(value, bottom), top), lanes)
    }
    y += (<usize>columns) << 2
  }
}
