/** The same kernels, which count the floats that they are given. */
export function counting<T extends object>(kernels: T): { readonly kernels: T; floats(): number } {
  let floats = 0
  const counted = new Proxy(kernels, {
    get: (target, name) => {
      const kernel: unknown = Reflect.get(target, name)
      if (typeof kernel !== 'function') return kernel
      return (...given: unknown[]) => {
        floats += given.reduce<number>((sum, each) => sum + floatsOf(each), 0)
        return Reflect.apply(kernel, target, given) as unknown
      }
    }
  })
  return { kernels: counted, floats: () => floats }
}

function floatsOf(value: unknown): number {
  if (value instanceof Float32Array) return value.length
  return Array.isArray(value) ? value.reduce<number>((sum, each) => sum + floatsOf(each), 0) : 0
}
