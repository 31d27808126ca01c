import type { Finding, Status } from './finding.js'
import type { Section } from './doctor.js'

const WORDS: Readonly<Record<Status, string>> = { ok: 'ok', warn: 'warn', fail: 'FAIL' }
/** Characters of the name of a check. */
const NAME = 10

/** One finding as one line, and what to do on the next. */
export function line({ check, status, found, advice }: Finding): string {
  const head = `  ${WORDS[status].padEnd(4)}  ${check.padEnd(NAME)}  `
  return `${head}${found}${advice === undefined ? '' : `\n${' '.repeat(head.length)}→ ${advice}`}`
}

/** The last line: how it is, in numbers. */
export function verdict(sections: readonly Section[]): string {
  const all = sections.flatMap(({ findings }) => findings)
  const count = (status: Status) => all.filter((each) => each.status === status).length
  return `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} that must be mended`
}
