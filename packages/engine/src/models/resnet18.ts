import { batchNorm } from './batch-norm.js'
import { heNormal } from './initialise.js'
import { modelOf, sequence, type Build } from './layer.js'
import { convolution, dense, globalAveragePool, relu } from './layers.js'
import type { ModelFactory } from './model.js'
import { checkOptions } from '../options.js'

/** channels and first stride of each stage of two blocks */
const STAGES: readonly (readonly [filters: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [256, 2],
  [512, 2]
]

/**
 * ResNet-18 (He et al., 2016) in its CIFAR form: a 3×3 first convolution and no first pool.
 * 11,173,962 trainable parameters for 10 classes.
 */
export const resnet18: ModelFactory = (options) => {
  checkOptions('resnet18', options, [])
  return (components) =>
    modelOf(
      components,
      sequence(
        convolution('stem', { filters: 64, size: 3, padding: 'same', kernel: heNormal }),
        batchNorm('stem/norm'),
        relu,
        ...STAGES.flatMap(([filters, stride], index) => [
          residual(`stage${index + 1}/block1`, filters, stride),
          residual(`stage${index + 1}/block2`, filters, 1)
        ]),
        globalAveragePool,
        dense('output', { units: components.classes })
      )
    )
}

function residual(name: string, filters: number, stride: number): Build {
  return (input) => {
    const main = sequence(
      convolution(`${name}/conv1`, { filters, size: 3, stride, padding: 'same', kernel: heNormal }),
      batchNorm(`${name}/norm1`),
      relu,
      convolution(`${name}/conv2`, { filters, size: 3, padding: 'same', kernel: heNormal }),
      batchNorm(`${name}/norm2`)
    )(input)
    const projects = stride !== 1 || input[2] !== filters
    const shortcut = sequence(...(projects ? projection(name, filters, stride) : []))(input)
    return {
      output: main.output,
      tensors: [...main.tensors, ...shortcut.tensors],
      apply: (x, pass) => pass.tf.relu(pass.tf.add(main.apply(x, pass), shortcut.apply(x, pass))),
      translate(x, to) {
        const sum = to.apply(to.layers.add(), [main.translate(x, to), shortcut.translate(x, to)])
        return to.apply(to.layers.reLU(), sum)
      }
    }
  }
}

function projection(name: string, filters: number, stride: number): Build[] {
  return [
    convolution(`${name}/shortcut`, { filters, size: 1, stride, padding: 'same', kernel: heNormal }),
    batchNorm(`${name}/shortcut/norm`)
  ]
}
