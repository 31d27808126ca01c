import { table } from './table.js'

/** Names and what each is, under a heading. */
export function named(
  heading: string,
  entries: readonly { readonly name: string; readonly describe: string }[]
): string {
  const [, ...lines] = table(
    ['', ''],
    entries.map(({ name, describe }) => [name, describe])
  )
  return `${heading}\n${lines.join('\n')}\n`
}
