const NUMBER = /^(–|[+−]?[\d.,]+( ([kMGT]?B|s|%|\$|min \d+ s))?)$/

/** Rows under a heading, columns as wide as they need; numbers to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], indent = '  '): string[] {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const right = headings.map((_, column) => rows.length > 0 && rows.every((row) => NUMBER.test(row[column] ?? '')))
  return all.map((row) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? ''
      return right[column] ? cell.padStart(width) : cell.padEnd(width)
    })
    return `${indent}${cells.join('  ')}`.trimEnd()
  })
}
