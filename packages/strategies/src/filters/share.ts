import { numberOption, type PluginOptions } from '../plugin-options.js'

/** Share of the coordinates that a filter sends. */
export function shareOption(plugin: string, options: PluginOptions): number {
  return numberOption(plugin, options, 'share', { fallback: 0.01, above: 0, max: 1 })
}

/** Never none. */
export function countOf(share: number, length: number): number {
  return Math.max(1, Math.round(share * length))
}
