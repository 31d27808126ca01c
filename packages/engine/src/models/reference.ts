import { resolvePlugin, type PluginReference } from '@peergrad/core'

import { models } from './index.js'

/** As `resolvePlugin`; a path that ends in .json is a tfjs LayersModel. */
export function modelReference(model: string | PluginReference): PluginReference {
  if (typeof model === 'string' && model.endsWith('.json')) {
    return { module: new URL('./file.js', import.meta.url).href, export: 'file', options: { path: model } }
  }
  return typeof model === 'string' ? resolvePlugin(models, model) : model
}
