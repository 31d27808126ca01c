/**
 * `pnpm robustness NAME=DIR …`: writes the tables of `peergrad attack` into docs/robustness.md, where it says
 * `<!-- NAME -->`, from the `attack.md` in the --out of that run: `pnpm robustness byzfl=runs/byzfl`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = join(import.meta.dirname, '..', 'docs', 'robustness.md')

let page = readFileSync(PAGE, 'utf8')
for (const argument of process.argv.slice(2)) {
  const [name, directory] = argument.split('=')
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const [from, to] = [page.indexOf(start), page.indexOf(end)]
  if (directory === undefined || from < 0 || to < from) {
    process.stderr.write(`robustness: got ${argument}, expected NAME=DIR with a NAME that docs/robustness.md marks\n`)
    process.exit(1)
  }
  page = `${page.slice(0, from + start.length)}\n\n${tables(join(directory, 'attack.md'))}\n\n${page.slice(to)}`
}
writeFileSync(PAGE, page)

/** What was run and where, then the tables one heading deeper; the command is in the page already. */
function tables(file) {
  const [title, , made, ...parts] = readFileSync(file, 'utf8').trim().split('\n\n')
  return [`${title.replace(/^# /, '')}. ${made}`, ...parts.map((part) => part.replace(/^## /, '### '))].join('\n\n')
}
