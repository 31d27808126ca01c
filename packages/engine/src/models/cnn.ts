import { heNormal, zeros } from './initialise.js'
import { modelOf, sequence } from './layer.js'
import { convolution, dense, flatten, maxPool, relu } from './layers.js'
import type { ModelFactory } from './model.js'
import { checkOptions } from '../options.js'

/** 3×3 convolution 32 – relu – pool – 3×3 convolution 64 – relu – pool – dense 128 – relu – dense classes */
export const cnn: ModelFactory = (options) => {
  checkOptions('cnn', options, [])
  return (components) =>
    modelOf(
      components,
      sequence(
        convolution('conv1', { filters: 32, size: 3, padding: 'same', kernel: heNormal, bias: zeros }),
        relu,
        maxPool,
        convolution('conv2', { filters: 64, size: 3, padding: 'same', kernel: heNormal, bias: zeros }),
        relu,
        maxPool,
        flatten,
        dense('hidden', { units: 128, kernel: heNormal }),
        relu,
        dense('output', { units: components.classes })
      )
    )
}
