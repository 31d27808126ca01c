import { batchNorm } from './batch-norm.js'
import { heNormal } from './initialise.js'
import { modelOf, sequence, type Build } from './layer.js'
import { convolution, dense, depthwise, globalAveragePool, relu } from './layers.js'
import type { ModelFactory } from './model.js'
import { checkOptions } from '../options.js'

/** output channels and stride of each depthwise separable block */
const BLOCKS: readonly (readonly [filters: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1]
]

/**
 * MobileNet v1 (Howard et al., 2017) in its CIFAR form: the first convolution keeps the resolution.
 * 3,217,226 trainable parameters for 10 classes.
 */
export const mobilenet: ModelFactory = (options) => {
  checkOptions('mobilenet', options, [])
  return (components) =>
    modelOf(
      components,
      sequence(
        convolution('stem', { filters: 32, size: 3, padding: 'same', kernel: heNormal }),
        batchNorm('stem/norm'),
        relu,
        ...BLOCKS.map(([filters, stride], index) => separable(`block${index + 1}`, filters, stride)),
        globalAveragePool,
        dense('output', { units: components.classes })
      )
    )
}

function separable(name: string, filters: number, stride: number): Build {
  return sequence(
    depthwise(`${name}/depthwise`, { size: 3, stride, kernel: { ...heNormal, mode: 'out' } }),
    batchNorm(`${name}/depthwise/norm`),
    relu,
    convolution(`${name}/pointwise`, { filters, size: 1, padding: 'same', kernel: heNormal }),
    batchNorm(`${name}/pointwise/norm`),
    relu
  )
}
