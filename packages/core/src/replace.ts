/** `honest`, which may be frozen, with some members replaced; the others are called on `honest` itself. */
export function replace<T extends object>(honest: T, changes: Partial<T>): T {
  // a proxy must show what is frozen in its target as it is
  const members = Object.entries(Object.getOwnPropertyDescriptors(honest))
  const loose = members.map(([name, member]) => [name, { ...member, configurable: true }] as const)
  const target = Object.create(Object.getPrototypeOf(honest) as object | null, Object.fromEntries(loose)) as T
  return new Proxy(target, {
    get: (_target, name) => {
      const from = name in changes ? changes : honest
      const value: unknown = Reflect.get(from, name)
      return typeof value === 'function' ? (value.bind(from) as unknown) : value
    }
  })
}
