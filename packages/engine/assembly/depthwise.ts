import { Geometry } from './geometry'
import { clear, loadLanes, multiplyAdd, roundUp, storeLanes } from './simd'

/*
 * Depthwise convolutions work image by image on a copy with its border of zeros and its channels rounded up to
 * four, so the inner loops ask no question. outChannels = inChannels · multiplier; output channel c reads input
 * channel c / multiplier, and the copy repeats input channels accordingly.
 */

// @ts-ignore: decorator
@inline
function extent(out: i32, stride: i32, filter: i32, dilation: i32): i32 {
  return (out - 1) * stride + (filter - 1) * dilation + 1
}

function paddedHeight(g: Geometry): i32 {
  return extent(g.outHeight, g.strideHeight, g.filterHeight, g.dilationHeight)
}

function paddedWidth(g: Geometry): i32 {
  return extent(g.outWidth, g.strideWidth, g.filterWidth, g.dilationWidth)
}

/** Copies one image of x into its padded form [paddedHeight][paddedWidth][channels]. */
function padImage(g: Geometry, image: usize, to: usize, channels: i32): void {
  const height = paddedHeight(g)
  const width = paddedWidth(g)
  clear(to, height * width * channels)
  const multiplier = g.outChannels / g.inChannels
  const left = g.padLeft
  const first = max(0, -left)
  const last = min(g.inWidth, width - left)
  for (let ih = 0; ih < g.inHeight; ih++) {
    const h = ih + g.padTop
    if (h < 0 || h >= height) continue
    for (let iw = first; iw < last; iw++) {
      const from = image + ((<usize>((ih * g.inWidth + iw) * g.inChannels)) << 2)
      const pixel = to + ((<usize>((h * width + iw + left) * channels)) << 2)
      if (multiplier == 1) {
        memory.copy(pixel, from, (<usize>g.inChannels) << 2)
      } else {
        for (let c = 0; c < g.outChannels; c++) f32.store(pixel + (c << 2), f32.load(from + ((c / multiplier) << 2)))
      }
    }
  }
}

/** Copies the filter [taps][outChannels] to [taps][channels], in the opposite order of taps when `flip`. */
function padFilter(g: Geometry, filter: usize, to: usize, channels: i32, flip: bool): void {
  const taps = g.filterHeight * g.filterWidth
  clear(to, taps * channels)
  for (let tap = 0; tap < taps; tap++) {
    const from = filter + ((<usize>((flip ? taps - 1 - tap : tap) * g.outChannels)) << 2)
    memory.copy(to + ((<usize>(tap * channels)) << 2), from, (<usize>g.outChannels) << 2)
  }
}

/**
 * One row of outputs from the padded image: out[w][c] = Σ image[kh·rowStride + (w·stride + kw·dilation)·channels + c]
 * · filter[kh][kw][c]. `columns` floats of each pixel are stored, `channels` apart in the input. Strides in bytes.
 */
function correlateRow(
  image: usize, rowStride: usize, pixelStride: usize, tapStride: usize, filter: usize, filterHeight: i32,
  filterWidth: i32, channels: i32, out: usize, outWidth: i32, outChannels: i32,
): void {
  const outStride = (<usize>outChannels) << 2
  const filterStride = (<usize>channels) << 2
  for (let c = 0; c < outChannels; c += 4) {
    const lanes = outChannels - c
    let from = image + (c << 2)
    let to = out + (c << 2)
    const weights = filter + (c << 2)
    if (filterHeight == 3 && filterWidth == 3 && lanes >= 4) {
      correlateRow3x3(from, rowStride, pixelStride, tapStride, weights, filterStride, to, outWidth, outStride)
      continue
    }
    for (let w = 0; w < outWidth; w++) {
      let sum = f32x4.splat(0)
      let weight = weights
      for (let kh = 0; kh < filterHeight; kh++) {
        let at = from + (<usize>kh) * rowStride
        for (let kw = 0; kw < filterWidth; kw++) {
          sum = multiplyAdd(v128.load(at), v128.load(weight), sum)
          at += tapStride
          weight += filterStride
        }
      }
      storeLanes(to, sum, lanes)
      from += pixelStride
      to += outStride
    }
  }
}

function correlateRow3x3(
  from: usize, rowStride: usize, pixelStride: usize, tapStride: usize, weights: usize, filterStride: usize, to: usize,
  outWidth: i32, outStride: usize,
): void {
  const w00 = v128.load(weights)
  const w01 = v128.load(weights + filterStride)
  const w02 = v128.load(weights + 2 * filterStride)
  const w10 = v128.load(weights + 3 * filterStride)
  const w11 = v128.load(weights + 4 * filterStride)
  const w12 = v128.load(weights + 5 * filterStride)
  const w20 = v128.load(weights + 6 * filterStride)
  const w21 = v128.load(weights + 7 * filterStride)
  const w22 = v128.load(weights + 8 * filterStride)
  let r0 = from
  let r1 = from + rowStride
  let r2 = r1 + rowStride
  const twice = tapStride << 1
  for (let w = 0; w < outWidth; w++) {
    let a = f32x4.mul(v128.load(r0), w00)
    let b = f32x4.mul(v128.load(r1), w10)
    let c = f32x4.mul(v128.load(r2), w20)
    a = multiplyAdd(v128.load(r0 + tapStride), w01, a)
    b = multiplyAdd(v128.load(r1 + tapStride), w11, b)
    c = multiplyAdd(v128.load(r2 + tapStride), w21, c)
    a = multiplyAdd(v128.load(r0 + twice), w02, a)
    b = multiplyAdd(v128.load(r1 + twice), w12, b)
    c = multiplyAdd(v128.load(r2 + twice), w22, c)
    v128.store(to, f32x4.add(f32x4.add(a, b), c))
    r0 += pixelStride
    r1 += pixelStride
    r2 += pixelStride
    to += outStride
  }
}

export function depthwiseScratch(g: Geometry): usize {
  const channels = roundUp(g.outChannels, 4)
  const forward = paddedHeight(g) * paddedWidth(g)
  const height = g.inHeight + (g.filterHeight - 1) * g.dilationHeight
  const width = g.inWidth + (g.filterWidth - 1) * g.dilationWidth
  const pixels = max(forward, height * width)
  const taps = g.filterHeight * g.filterWidth
  return (<usize>((pixels + taps) * channels + g.inWidth * g.outChannels)) << 2
}

/** y[n, oh, ow, c] = Σ x[n, oh·s − p + kh·d, ow·s − p + kw·d, c / multiplier] · filter[kh, kw, c]. */
export function depthwise(g: Geometry, x: usize, filter: usize, y: usize, scratch: usize): void {
  const channels = roundUp(g.outChannels, 4)
  const weights = scratch
  const image = weights + ((<usize>(g.filterHeight * g.filterWidth * channels)) << 2)
  const pixel = (<usize>channels) << 2
  const rowStride = (<usize>paddedWidth(g)) * pixel
  padFilter(g, filter, weights, channels, false)
  for (let n = 0; n < g.batch; n++) {
    padImage(g, x + ((<usize>(n * g.inHeight * g.inWidth * g.inChannels)) << 2), image, channels)
    for (let oh = 0; oh < g.outHeight; oh++) {
      correlateRow(
        image + (<usize>(oh * g.strideHeight)) * rowStride, rowStride * g.dilationHeight, pixel * g.strideWidth,
        pixel * g.dilationWidth, weights, g.filterHeight, g.filterWidth, channels,
        y + ((<usize>((n * g.outHeight + oh) * g.outWidth * g.outChannels)) << 2), g.outWidth, g.outChannels,
      )
    }
  }
}

/**
 * Gradient to the input: dy spread out by the stride between zeros, correlated with the flipped filter at stride
 * one; with a multiplier the channels of one input are summed.
 */
export function depthwiseInputGradient(g: Geometry, dy: usize, filter: usize, dx: usize, scratch: usize): void {
  const channels = roundUp(g.outChannels, 4)
  const reachHeight = (g.filterHeight - 1) * g.dilationHeight
  const reachWidth = (g.filterWidth - 1) * g.dilationWidth
  const height = g.inHeight + reachHeight
  const width = g.inWidth + reachWidth
  const weights = scratch
  const image = weights + ((<usize>(g.filterHeight * g.filterWidth * channels)) << 2)
  const wide = image + ((<usize>(height * width * channels)) << 2)
  const pixel = (<usize>channels) << 2
  const rowStride = (<usize>width) * pixel
  const multiplier = g.outChannels / g.inChannels
  padFilter(g, filter, weights, channels, true)
  clear(image, height * width * channels)
  for (let n = 0; n < g.batch; n++) {
    for (let oh = 0; oh < g.outHeight; oh++) {
      const h = oh * g.strideHeight + reachHeight - g.padTop
      if (h < 0 || h >= height) continue
      for (let ow = 0; ow < g.outWidth; ow++) {
        const w = ow * g.strideWidth + reachWidth - g.padLeft
        if (w < 0 || w >= width) continue
        const from = dy + ((<usize>(((n * g.outHeight + oh) * g.outWidth + ow) * g.outChannels)) << 2)
        memory.copy(image + (<usize>h) * rowStride + (<usize>w) * pixel, from, (<usize>g.outChannels) << 2)
      }
    }
    for (let ih = 0; ih < g.inHeight; ih++) {
      const row = dx + ((<usize>((n * g.inHeight + ih) * g.inWidth * g.inChannels)) << 2)
      correlateRow(
        image + (<usize>ih) * rowStride, rowStride * g.dilationHeight, pixel, pixel * g.dilationWidth, weights,
        g.filterHeight, g.filterWidth, channels, multiplier == 1 ? row : wide, g.inWidth, g.outChannels,
      )
      if (multiplier > 1) sumGroups(wide, g.inWidth * g.inChannels, multiplier, row)
    }
  }
}

function sumGroups(from: usize, groups: i32, size: i32, to: usize): void {
  for (let i = 0; i < groups; i++) {
    let sum: f32 = 0
    for (let j = 0; j < size; j++) {
      sum += f32.load(from)
      from += 4
    }
    f32.store(to + (i << 2), sum)
  }
}

/** Gradient to the filter: dfilter[kh, kw, c] = Σ x[n, oh·s − p + kh·d, …, c / multiplier] · dy[n, oh, ow, c]. */
export function depthwiseFilterGradient(g: Geometry, x: usize, dy: usize, dfilter: usize, scratch: usize): void {
  const channels = roundUp(g.outChannels, 4)
  const taps = g.filterHeight * g.filterWidth
  const sums = scratch
  const image = sums + ((<usize>(taps * channels)) << 2)
  const pixel = (<usize>channels) << 2
  const rowStride = (<usize>paddedWidth(g)) * pixel
  clear(sums, taps * channels)
  for (let n = 0; n < g.batch; n++) {
    padImage(g, x + ((<usize>(n * g.inHeight * g.inWidth * g.inChannels)) << 2), image, channels)
    const gradient = dy + ((<usize>(n * g.outHeight * g.outWidth * g.outChannels)) << 2)
    for (let c = 0; c < g.outChannels; c += 4) {
      const from = image + (c << 2)
      const sum = sums + (c << 2)
      if (g.filterHeight == 3 && g.filterWidth == 3 && c + 4 <= g.outChannels) {
        filterSums3x3(g, from, rowStride, pixel, gradient + (c << 2), sum)
      } else {
        filterSums(g, from, rowStride, pixel, gradient + (c << 2), g.outChannels - c, sum)
      }
    }
  }
  for (let tap = 0; tap < taps; tap++) {
    memory.copy(dfilter + ((<usize>(tap * g.outChannels)) << 2), sums + (<usize>tap) * pixel, (<usize>g.outChannels) << 2)
  }
}

function filterSums(g: Geometry, image: usize, rowStride: usize, pixel: usize, dy: usize, lanes: i32, sums: usize): void {
  const outStride = (<usize>g.outChannels) << 2
  for (let kh = 0; kh < g.filterHeight; kh++) {
    for (let kw = 0; kw < g.filterWidth; kw++) {
      let sum = v128.load(sums)
      let gradient = dy
      for (let oh = 0; oh < g.outHeight; oh++) {
        let from = image + (<usize>(oh * g.strideHeight + kh * g.dilationHeight)) * rowStride
        from += (<usize>(kw * g.dilationWidth)) * pixel
        for (let ow = 0; ow < g.outWidth; ow++) {
          sum = multiplyAdd(v128.load(from), loadLanes(gradient, lanes), sum)
          from += pixel * g.strideWidth
          gradient += outStride
        }
      }
      v128.store(sums, sum)
      sums += pixel
    }
  }
}

function filterSums3x3(g: Geometry, image: usize, rowStride: usize, pixel: usize, dy: usize, sums: usize): void {
  const outStride = (<usize>g.outChannels) << 2
  const step = pixel * g.strideWidth
  const tap = pixel * g.dilationWidth
  const twice = tap << 1
  const below = rowStride * g.dilationHeight
  let s0 = v128.load(sums)
  let s1 = v128.load(sums + pixel)
  let s2 = v128.load(sums + 2 * pixel)
  let s3 = v128.load(sums + 3 * pixel)
  let s4 = v128.load(sums + 4 * pixel)
  let s5 = v128.load(sums + 5 * pixel)
  let s6 = v128.load(sums + 6 * pixel)
  let s7 = v128.load(sums + 7 * pixel)
  let s8 = v128.load(sums + 8 * pixel)
  for (let oh = 0; oh < g.outHeight; oh++) {
    let r0 = image + (<usize>(oh * g.strideHeight)) * rowStride
    let r1 = r0 + below
    let r2 = r1 + below
    for (let ow = 0; ow < g.outWidth; ow++) {
      const d = v128.load(dy)
      s0 = multiplyAdd(v128.load(r0), d, s0)
      s1 = multiplyAdd(v128.load(r0 + tap), d, s1)
      s2 = multiplyAdd(v128.load(r0 + twice), d, s2)
      s3 = multiplyAdd(v128.load(r1), d, s3)
      s4 = multiplyAdd(v128.load(r1 + tap), d, s4)
      s5 = multiplyAdd(v128.load(r1 + twice), d, s5)
      s6 = multiplyAdd(v128.load(r2), d, s6)
      s7 = multiplyAdd(v128.load(r2 + tap), d, s7)
      s8 = multiplyAdd(v128.load(r2 + twice), d, s8)
      r0 += step
      r1 += step
      r2 += step
      dy += outStride
    }
  }
  v128.store(sums, s0)
  v128.store(sums + pixel, s1)
  v128.store(sums + 2 * pixel, s2)
  v128.store(sums + 3 * pixel, s3)
  v128.store(sums + 4 * pixel, s4)
  v128.store(sums + 5 * pixel, s5)
  v128.store(sums + 6 * pixel, s6)
  v128.store(sums + 7 * pixel, s7)
  v128.store(sums + 8 * pixel, s8)
}
