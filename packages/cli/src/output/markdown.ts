export interface MarkdownTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The tables of a text in Markdown, cell by cell. */
export function markdownTables(text: string): MarkdownTable[] {
  const blocks = text.split(/\n(?!\|)/).map((block) => block.split('\n').filter((line) => line.startsWith('|')))
  return blocks
    .filter((lines) => lines.length >= 2 && /^\|[\s:|-]+\|$/.test(lines[1] ?? ''))
    .map(([head = '', , ...rows]) => ({ columns: cells(head), rows: rows.map(cells) }))
}

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}
