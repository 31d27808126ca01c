/**
 * What a two-dimensional window operation slides over: NHWC, 32-bit integers in this order. The JavaScript side
 * writes it (src/kernels/geometry.ts).
 */
@unmanaged
export class Geometry {
  batch: i32
  inHeight: i32
  inWidth: i32
  inChannels: i32
  outHeight: i32
  outWidth: i32
  outChannels: i32
  filterHeight: i32
  filterWidth: i32
  strideHeight: i32
  strideWidth: i32
  dilationHeight: i32
  dilationWidth: i32
  padTop: i32
  padLeft: i32
}
