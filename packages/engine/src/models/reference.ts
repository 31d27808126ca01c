import type { PluginReference } from '@peergrad/core'

import { models } from './index.js'
import { referenceOf } from '../plugins.js'

/** As `referenceOf`; a path that ends in .json is a tfjs LayersModel. */
export function modelReference(model: string | PluginReference): PluginReference {
  if (typeof model === 'string' && model.endsWith('.json')) {
    return { module: new URL('./file.js', import.meta.url).href, export: 'file', options: { path: model } }
  }
  return referenceOf(models, model)
}
