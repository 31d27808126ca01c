import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'

/** The last line of a table: machine, versions (`more` of what the bench compares with), commit and date. */
export function machine(...more) {
  const [{ model }] = cpus()
  const parts = [
    `${cpus().length} × ${model.trim()}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Node ${process.versions.node}`,
    `V8 ${process.versions.v8}`,
    ...more,
    execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname }).trim(),
    new Date().toISOString().slice(0, 10)
  ]
  return `${parts.join(', ')}.`
}
