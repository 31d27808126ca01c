import { findNode } from './node.js'

const TYPESCRIPT = /\.m?ts$/

let understood = false

/**
 * Lets this thread import TypeScript, if the URL is of such a file: types are stripped, as Node does by itself from
 * 22.18 on. Hooks are a thread's own, so each thread that imports plug-ins comes here.
 */
export function understandTypeScript(url: string): void {
  if (understood || !TYPESCRIPT.test(new URL(url).pathname)) return
  const node = findNode()
  if (node === undefined || Boolean(node.features.typescript)) return
  node.getBuiltinModule('node:module').register(new URL('../bundled/typescript-hooks.js', import.meta.url).href)
  understood = true
}
