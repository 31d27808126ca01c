import { Geometry } from './geometry'
import { clear, loadLanes, storeLanes } from './simd'

/** The first tap of a window that lies at or after position 0. */
// @ts-ignore: decorator
@inline
function firstTap(start: i32, dilation: i32): i32 {
  return start >= 0 ? 0 : (dilation - 1 - start) / dilation
}

/** The number of taps of a window that lie before `size`. */
// @ts-ignore: decorator
@inline
function endTap(start: i32, size: i32, dilation: i32, filter: i32): i32 {
  return min(filter, (size - start + dilation - 1) / dilation)
}

/** Largest, or with `average` the mean, of the elements of each window that lie inside x. */
export function pool(g: Geometry, x: usize, y: usize, average: bool): void {
  const channels = g.inChannels
  const whole = channels & ~3
  const rowStride = ((<usize>(g.inWidth * channels)) << 2) * g.dilationHeight
  const tapStride = ((<usize>channels) << 2) * g.dilationWidth
  for (let n = 0; n < g.batch; n++) {
    for (let oh = 0; oh < g.outHeight; oh++) {
      const top = oh * g.strideHeight - g.padTop
      const firstHeight = firstTap(top, g.dilationHeight)
      const height = endTap(top, g.inHeight, g.dilationHeight, g.filterHeight) - firstHeight
      for (let ow = 0; ow < g.outWidth; ow++) {
        const left = ow * g.strideWidth - g.padLeft
        const firstWidth = firstTap(left, g.dilationWidth)
        const width = endTap(left, g.inWidth, g.dilationWidth, g.filterWidth) - firstWidth
        const ih = top + firstHeight * g.dilationHeight
        const iw = left + firstWidth * g.dilationWidth
        const corner = x + ((<usize>(((n * g.inHeight + ih) * g.inWidth + iw) * channels)) << 2)
        for (let c = 0; c < whole; c += 4) {
          poolFour(corner + (c << 2), height, width, rowStride, tapStride, y + (c << 2), average, 4)
        }
        if (whole < channels) {
          const rest = <usize>(whole << 2)
          poolFour(corner + rest, height, width, rowStride, tapStride, y + rest, average, channels - whole)
        }
        y += (<usize>channels) << 2
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function poolFour(
  corner: usize, height: i32, width: i32, rowStride: usize, tapStride: usize, y: usize, average: bool, lanes: i32,
): void {
  let value = f32x4.splat(average ? 0 : -Infinity)
  for (let i = 0; i < height; i++) {
    let at = corner
    for (let j = 0; j < width; j++) {
      const element = loadLanes(at, lanes)
      value = average ? f32x4.add(value, element) : f32x4.pmax(value, element)
      at += tapStride
    }
    corner += rowStride
  }
  if (average) value = f32x4.mul(value, f32x4.splat(1 / <f32>(height * width)))
  storeLanes(y, value, lanes)
}

/**
 * Gradient of max pooling: dy goes to the first element of its window that equals the largest, y. Gradient of
 * average pooling (`average`): dy goes in equal shares to the elements of its window that lie inside x.
 */
export function poolGradient(g: Geometry, x: usize, y: usize, dy: usize, dx: usize, average: bool): void {
  const channels = g.inChannels
  const whole = (<usize>(channels & ~3)) << 2
  const rowStride = ((<usize>(g.inWidth * channels)) << 2) * g.dilationHeight
  const tapStride = ((<usize>channels) << 2) * g.dilationWidth
  clear(dx, g.batch * g.inHeight * g.inWidth * channels)
  for (let n = 0; n < g.batch; n++) {
    for (let oh = 0; oh < g.outHeight; oh++) {
      const top = oh * g.strideHeight - g.padTop
      const firstHeight = firstTap(top, g.dilationHeight)
      const height = endTap(top, g.inHeight, g.dilationHeight, g.filterHeight) - firstHeight
      for (let ow = 0; ow < g.outWidth; ow++) {
        const left = ow * g.strideWidth - g.padLeft
        const firstWidth = firstTap(left, g.dilationWidth)
        const width = endTap(left, g.inWidth, g.dilationWidth, g.filterWidth) - firstWidth
        const ih = top + firstHeight * g.dilationHeight
        const iw = left + firstWidth * g.dilationWidth
        const corner = (<usize>(((n * g.inHeight + ih) * g.inWidth + iw) * channels)) << 2
        const from = x + corner
        const to = dx + corner
        for (let c: usize = 0; c < whole; c += 16) {
          if (average) spreadFour(dy + c, height, width, rowStride, tapStride, to + c, 4)
          else pickFour(from + c, y + c, dy + c, height, width, rowStride, tapStride, to + c, 4)
        }
        if ((channels & 3) != 0) {
          const rest = channels & 3
          if (average) spreadFour(dy + whole, height, width, rowStride, tapStride, to + whole, rest)
          else pickFour(from + whole, y + whole, dy + whole, height, width, rowStride, tapStride, to + whole, rest)
        }
        y += (<usize>channels) << 2
        dy += (<usize>channels) << 2
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function spreadFour(dy: usize, height: i32, width: i32, rowStride: usize, tapStride: usize, dx: usize, lanes: i32): void {
  const share = f32x4.mul(loadLanes(dy, lanes), f32x4.splat(1 / <f32>(height * width)))
  for (let i = 0; i < height; i++) {
    let to = dx
    for (let j = 0; j < width; j++) {
      storeLanes(to, f32x4.add(loadLanes(to, lanes), share), lanes)
      to += tapStride
    }
    dx += rowStride
  }
}

// @ts-ignore: decorator
@inline
function pickFour(
  x: usize, y: usize, dy: usize, height: i32, width: i32, rowStride: usize, tapStride: usize, dx: usize, lanes: i32,
): void {
  const largest = loadLanes(y, lanes)
  let gradient = loadLanes(dy, lanes)
  for (let i = 0; i < height; i++) {
    let offset: usize = 0
    for (let j = 0; j < width; j++) {
      const here = f32x4.eq(loadLanes(x + offset, lanes), largest)
      storeLanes(dx + offset, f32x4.add(loadLanes(dx + offset, lanes), v128.and(gradient, here)), lanes)
      gradient = v128.andnot(gradient, here)
      offset += tapStride
    }
    x += rowStride
    dx += rowStride
  }
}
