import { transformSync } from '@swc/wasm-typescript'

interface Loaded {
  readonly format: string
  readonly source: Uint8Array | string
}

type NextLoad = (url: string, context: object) => Promise<Loaded>

/** Hook of Node's module loader: a TypeScript file without its types. The columns of what is left stay where they were. */
export async function load(url: string, context: object, nextLoad: NextLoad): Promise<Loaded> {
  if (!/\.m?ts$/.test(new URL(url).pathname)) return nextLoad(url, context)
  const { source } = await nextLoad(url, { ...context, format: 'module' })
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
  return { format: 'module', source: transformSync(text, { mode: 'strip-only', filename: url }).code }
}
