import type { Filter } from '@peergrad/core'
import { checkNames, type PluginOptions } from '../plugin-options.js'

/** Sends the whole update and holds nothing back. */
export function none(options: PluginOptions): Filter {
  checkNames('none', options, [])
  return {
    name: 'none',
    describe: 'sends every update whole',
    apply: ({ accumulated, sent, kernels }) => kernels.copy(sent, accumulated)
  }
}
