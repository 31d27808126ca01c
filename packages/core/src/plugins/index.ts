export { loadFactory, loadPlugin, makePlugin, ofPlugin, pluginError } from './load.js'
export { describedRegistry, registry } from './registry.js'
export { parsePlugin, pluginName, resolvePlugin } from './resolve.js'
export { checkPlugin, checkShape, fn, GRADIENT_STORE, list, type Plugins, type Shape } from './shapes.js'
