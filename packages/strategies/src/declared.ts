import { MEDIAN_INPUTS } from '@peergrad/core'
import { integerOption, type PluginOptions } from './plugin-options.js'

/** How many of the inputs the user declares to be hostile: option `f`, 1 when left out. 0 makes an average of most rules. */
export function declared(plugin: string, options: PluginOptions): number {
  return integerOption(plugin, options, 'f', { fallback: 1, min: 0 })
}

/** That fewer than half of n inputs are hostile, and at most `most` inputs. */
export function minority(n: number, f: number, most = Infinity): string | undefined {
  return between(n, 2 * f + 1, most, `f = ${f}: expected more than 2f`)
}

/** As `minority`, for rules that sort coordinates in the kernel. */
export function sortable(n: number, f: number): string | undefined {
  return minority(n, f, MEDIAN_INPUTS)
}

export function between(n: number, least: number, most: number, why: string): string | undefined {
  if (n < least) return `${why}, at least ${least}`
  return n > most ? `expected at most ${most}` : undefined
}
