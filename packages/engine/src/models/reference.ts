import { resolvePlugin, type PluginReference } from '@peergrad/core'

import { models } from './index.js'

/** Whether the code of a model is ours. */
export function isBuiltIn({ module }: PluginReference): boolean {
  return module.startsWith(new URL('../models/', import.meta.url).href)
}

/** As `resolvePlugin`; a path that ends in .json is a tfjs LayersModel. */
export function modelReference(model: string | PluginReference): PluginReference {
  if (typeof model === 'string' && model.endsWith('.json')) {
    return { module: new URL('../models/file.js', import.meta.url).href, export: 'file', options: { path: model } }
  }
  return typeof model === 'string' ? resolvePlugin(models, model) : model
}
