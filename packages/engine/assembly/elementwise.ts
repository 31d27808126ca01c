import { loadLanes, storeLanes } from './simd'

/** dx = dy where 0 < x ≤ ceiling, else 0: the gradient of ReLU (ceiling Infinity) and of ReLU6 (6). */
export function reluGradient(dy: usize, x: usize, count: i32, ceiling: f32, dx: usize): void {
  const top = f32x4.splat(ceiling)
  const whole = (<usize>(count & ~3)) << 2
  for (let at: usize = 0; at < whole; at += 16) reluGradientFour(dy + at, x + at, top, dx + at, 4)
  if ((count & 3) != 0) reluGradientFour(dy + whole, x + whole, top, dx + whole, count & 3)
}

// @ts-ignore: decorator
@inline
function reluGradientFour(dy: usize, x: usize, top: v128, dx: usize, lanes: i32): void {
  const value = loadLanes(x, lanes)
  const open = v128.and(f32x4.gt(value, f32x4.splat(0)), f32x4.le(value, top))
  storeLanes(dx, v128.and(loadLanes(dy, lanes), open), lanes)
}

/** y = min(max(x, 0), ceiling); a NaN stays one. */
export function relu(x: usize, count: i32, ceiling: f32, y: usize): void {
  const top = f32x4.splat(ceiling)
  const whole = (<usize>(count & ~3)) << 2
  for (let at: usize = 0; at < whole; at += 16) reluFour(x + at, top, y + at, 4)
  if ((count & 3) != 0) reluFour(x + whole, top, y + whole, count & 3)
}

// @ts-ignore: decorator
@inline
function reluFour(x: usize, top: v128, y: usize, lanes: i32): void {
  storeLanes(y, f32x4.min(f32x4.max(loadLanes(x, lanes), f32x4.splat(0)), top), lanes)
}

/** y = min(max(y + bias, floor), ceiling) in place, the bias by column. */
export function biasClamp(y: usize, rows: i32, columns: i32, bias: usize, floor: f32, ceiling: f32): void {
  const bottom = f32x4.splat(floor)
  const top = f32x4.splat(ceiling)
  const whole = (<usize>(columns & ~3)) << 2
  for (let r = 0; r < rows; r++) {
    for (let at: usize = 0; at < whole; at += 16) biasClampFour(y + at, bias + at, bottom, top, 4)
    if ((columns & 3) != 0) biasClampFour(y + whole, bias + whole, bottom, top, columns & 3)
    y += (<usize>columns) << 2
  }
}

// @ts-ignore: decorator
@inline
function biasClampFour(y: usize, bias: usize, bottom: v128, top: v128, lanes: i32): void {
  const value = f32x4.add(loadLanes(y, lanes), loadLanes(bias, lanes))
  storeLanes(y, f32x4.min(f32x4.max(value, bottom), top), lanes)
}
