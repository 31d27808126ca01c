/** What a value of JSON is: kinds of which it has one, items that are alike, or fields; of `'*'` all that there are, and with ? it may be missing. */
export type Shape = string | readonly [Shape] | { readonly [field: string]: Shape }

/** Whether a value has at least the fields of a shape. */
export function hasShape(value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string') return shape.split('|').includes(kindOf(value))
  if (isList(shape)) return Array.isArray(value) && value.every((item) => hasShape(item, shape[0]))
  if (kindOf(value) !== 'object') return false
  const fields = value as Readonly<Record<string, unknown>>
  const every = shape['*']
  if (every !== undefined) return Object.values(fields).every((field) => hasShape(field, every))
  return Object.entries(shape).every(([word, field]) => {
    const name = word.replace('?', '')
    return Object.hasOwn(fields, name) ? hasShape(fields[name], field) : name !== word
  })
}

/** `Array.isArray` does not tell a list that cannot be written to. */
function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return Number.isFinite(value) ? 'number' : 'infinite'
  return Array.isArray(value) ? 'list' : typeof value
}
