import { flatten, dense, relu } from './layers.js'
import { modelOf, sequence } from './layer.js'
import { heNormal } from './initialise.js'
import type { ModelFactory } from './model.js'
import { checkOptions, count } from '../options.js'

/** flatten – dense `hidden` – relu – dense classes */
export const mlp: ModelFactory = (options) => {
  checkOptions('mlp', options, ['hidden'])
  const hidden = count('mlp', options, 'hidden', 128)
  return (components) =>
    modelOf(
      components,
      sequence(
        flatten,
        dense('hidden', { units: hidden, kernel: heNormal }),
        relu,
        dense('output', { units: components.classes })
      )
    )
}
