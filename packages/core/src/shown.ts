/** Characters of a value in a message. */
const LONGEST = 80

/** A value of a user's as a message shows it: short, and numbers that JSON has none for by their names. */
export function shown(value: unknown): string {
  const text = written(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
}

function written(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`
  return JSON.stringify(value) ?? 'nothing'
}
