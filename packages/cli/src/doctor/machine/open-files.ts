import { readFileSync } from 'node:fs'
import { findings, type Finding } from '../finding.js'

const { ok, warn, fail } = findings('open files')

/**
 * Files and sockets of a peer by itself (its threads load their modules at once: with 200 one did not start, with 256 it did),
 * and for each other one: a connection, perhaps two, and sockets for vectors.
 */
const OWN = 240
const EACH = 8

/** Whether the limit of open files bears the sockets of a run of so many peers. */
export function openFiles(peers: number, limit = openFileLimit()): Finding {
  const needed = OWN + EACH * (peers - 1)
  if (limit === undefined) return ok('this system does not say its limit')
  const found = `at most ${limit === Infinity ? 'any number of' : limit} files and sockets; ${peers} peers need some ${needed}`
  const data = { limit: limit === Infinity ? null : limit, needed }
  if (limit >= 2 * needed) return ok(found, data)
  const advice = `raise the limit: \`ulimit -n ${Math.max(4096, 4 * needed)}\`, LimitNOFILE= in a systemd unit, --ulimit nofile= for a container`
  return limit < needed ? fail('few-open-files', found, advice, data) : warn('few-open-files', found, advice, data)
}

/** Node raises its soft limit to the hard one when it starts, so that is what counts. */
function openFileLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    if (soft === undefined) return undefined
    return soft === 'unlimited' ? Infinity : Number(soft)
  } catch {
    // no Linux
    return undefined
  }
}
