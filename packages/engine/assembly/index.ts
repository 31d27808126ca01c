export { matmul, matmulScratch } from './matmul'
export {
  convolution,
  convolutionFilterGradient,
  convolutionFilterGradientScratch,
  convolutionInputGradient,
  convolutionScratch,
} from './convolution'
export { depthwise, depthwiseFilterGradient, depthwiseInputGradient, depthwiseScratch } from './depthwise'
export { copyRows, repeatRows, reverseRows } from './move'
export { pool, poolGradient } from './pool'
export { combine, gradientSums, moments, scaleShift } from './norm'
export { biasClamp, relu, reluGradient } from './elementwise'
export { segmentSum, sumRows } from './reduce'
