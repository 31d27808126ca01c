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
  const rowStride = ((<usize>(g.inWidth * channels)) << 2) * g.dilationHeight
  const tapStride = ((<usize>channels) << 2) * g.dilationWidth
  for (let n = 0; n < g.batch; n++) {
    for (let oh = 0; oh < g.outHeight; oh++) {
      const top = oh * g.strideHeight - g.padTop
      const firstHeight = firstTap(top, g.dilationHeight)
      const endHeight = endTap(top, g.inHeight, g.dilationHeight, g.filterHeight)
      for (let ow = 0; ow < g.outWidth; ow++) {
        const left = ow * g.strideWidth - g.padLeft
        const firstWidth = firstTap(left, g.dilationWidth)
        const endWidth = endTap(left, g.inWidth, g.dilationWidth, g.filterWidth)
        const ih = top + firstHeight * g.dilationHeight
        const iw = left + firstWidth * g.dilationWidth
        const corner = x + ((<usize>(((n * g.inHeight + ih) * g.inWidth + iw) * channels)) << 2)
        const scale: f32 = average ? 1 / <f32>((endHeight - firstHeight) * (endWidth - firstWidth)) : 1
        for (let c = 0; c < channels; c += 4) {
          const lanes = channels - c
          let value = f32x4.splat(average ? 0 : -Infinity)
          let row = corner + (c << 2)
          for (let kh = firstHeight; kh < endHeight; kh++) {
            let at = row
            for (let kw = firstWidth; kw < endWidth; kw++) {
              const element = loadLanes(at, lanes)
              value = average ? f32x4.add(value, element) : f32x4.pmax(value, element)
              at += tapStride
            }
            row += rowStride
          }
          storeLanes(y + (c << 2), average ? f32x4.mul(value, f32x4.splat(scale)) : value, lanes)
        }
        y += (<usize>channels) << 2
      }
    }
  }
}

/**
 * Gradient of max pooling: dy goes to the first element of its window that equals the largest, y. Gradient of
 * average pooling (`average`): dy goes in equal shares to the elements of its window that lie inside x.
 */
export function poolGradient(g: Geometry, x: usize, y: usize, dy: usize, dx: usize, average: bool): void {
  const channels = g.inChannels
  const rowStride = ((<usize>(g.inWidth * channels)) << 2) * g.dilationHeight
  const tapStride = ((<usize>channels) << 2) * g.dilationWidth
  clear(dx, g.batch * g.inHeight * g.inWidth * channels)
  for (let n = 0; n < g.batch; n++) {
    for (let oh = 0; oh < g.outHeight; oh++) {
      const top = oh * g.strideHeight - g.padTop
      const firstHeight = firstTap(top, g.dilationHeight)
      const endHeight = endTap(top, g.inHeight, g.dilationHeight, g.filterHeight)
      for (let ow = 0; ow < g.outWidth; ow++) {
        const left = ow * g.strideWidth - g.padLeft
        const firstWidth = firstTap(left, g.dilationWidth)
        const endWidth = endTap(left, g.inWidth, g.dilationWidth, g.filterWidth)
        const ih = top + firstHeight * g.dilationHeight
        const iw = left + firstWidth * g.dilationWidth
        const scale = f32x4.splat(1 / <f32>((endHeight - firstHeight) * (endWidth - firstWidth)))
        const corner = (<usize>(((n * g.inHeight + ih) * g.inWidth + iw) * channels)) << 2
        for (let c = 0; c < channels; c += 4) {
          const lanes = channels - c
          let gradient = loadLanes(dy + (c << 2), lanes)
          if (average) gradient = f32x4.mul(gradient, scale)
          const largest = average ? gradient : loadLanes(y + (c << 2), lanes)
          let row = corner + (c << 2)
          for (let kh = firstHeight; kh < endHeight; kh++) {
            let at = row
            for (let kw = firstWidth; kw < endWidth; kw++) {
              const before = loadLanes(dx + at, lanes)
              if (average) {
                storeLanes(dx + at, f32x4.add(before, gradient), lanes)
              } else {
                const here = f32x4.eq(loadLanes(x + at, lanes), largest)
                storeLanes(dx + at, f32x4.add(before, v128.and(gradient, here)), lanes)
                gradient = v128.andnot(gradient, here)
              }
              at += tapStride
            }
            row += rowStride
          }
        }
        y += (<usize>channels) << 2
        dy += (<usize>channels) << 2
      }
    }
  }
}
