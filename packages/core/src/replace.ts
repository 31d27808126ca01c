/** `honest` with some members replaced; the others are called on `honest` itself. */
export function replace<T extends object>(honest: T, changes: Partial<T>): T {
  return new Proxy(honest, {
    get: (target, name) => {
      const from = name in changes ? changes : target
      const value: unknown = Reflect.get(from, name)
      return typeof value === 'function' ? (value.bind(from) as unknown) : value
    }
  })
}
