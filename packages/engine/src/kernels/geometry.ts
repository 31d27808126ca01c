import type { backend_util } from '@tensorflow/tfjs-core'
import { PeergradError } from '@peergrad/core'

/** The numbers of a convolution or pooling in the order of assembly/geometry.ts. NHWC only. */
export function geometryOf(info: backend_util.Conv2DInfo): number[] {
  if (info.dataFormat !== 'channelsLast') {
    throw new PeergradError('unsupported', 'got a convolution in NCHW, the wasm engine has NHWC only: use channelsLast')
  }
  return [
    info.batchSize,
    info.inHeight,
    info.inWidth,
    info.inChannels,
    info.outHeight,
    info.outWidth,
    info.outChannels,
    info.filterHeight,
    info.filterWidth,
    info.strideHeight,
    info.strideWidth,
    info.dilationHeight,
    info.dilationWidth,
    info.padInfo.top,
    info.padInfo.left
  ]
}
