const DEPTH = 6
/** Characters of a text, entries of a list, and numbers in a row that are logged. */
const TEXT = 2000
const ENTRIES = 100
const NUMBERS = 16

/** A value as a log takes it: bounded, whoever it comes from, and never the numbers of a vector. */
export function loggable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.length > TEXT ? `${value.slice(0, TEXT)}…` : value
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return `${value.constructor.name} of ${value.byteLength} bytes`
  if (depth === DEPTH) return '…'
  if (value instanceof Error) return loggable(value.message)
  if (Array.isArray(value)) return list(value, depth)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, loggable(each, depth + 1)]))
}

function list(values: readonly unknown[], depth: number): unknown {
  if (values.length > NUMBERS && values.every((value) => typeof value === 'number')) return `${values.length} numbers`
  const shown = values.slice(0, ENTRIES).map((value) => loggable(value, depth + 1))
  return values.length > ENTRIES ? [...shown, `${values.length - ENTRIES} more`] : shown
}
