/** Writes the pages of docs/guide that come from tables in the source; with --check, says which are stale instead. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandLinePage, exitCodesPage } from '../packages/cli/dist/index.js'

const guide = join(import.meta.dirname, '..', 'docs', 'guide')
const pages = { 'cli.md': commandLinePage(), 'exit-codes.md': exitCodesPage() }

mkdirSync(guide, { recursive: true })
for (const [name, text] of Object.entries(pages)) {
  const file = join(guide, name)
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text)
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`docs/guide/${name} is stale: run pnpm generate\n`)
    process.exitCode = 1
  }
}
