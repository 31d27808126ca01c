import { PeergradError } from '@peergrad/core'

export type Status = 'ok' | 'warn' | 'fail'

/** What one check of `doctor` saw. */
export interface Finding {
  /** name of the check */
  readonly check: string
  readonly status: Status
  readonly found: string
  /** what is wrong in a word, for programs; docs/guide/doctor.md lists them */
  readonly fault?: string
  /** what to do about it */
  readonly advice?: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** A name, for the findings of one check. */
export interface Findings {
  ok(found: string, data?: Finding['data']): Finding
  warn(fault: string, found: string, advice: string, data?: Finding['data']): Finding
  fail(fault: string, found: string, advice: string, data?: Finding['data']): Finding
  /** Of an error: what to do stands behind a semicolon of its message, else in `advice`. Its own `data.fault` goes first. */
  failed(thrown: unknown, fault: string, status?: Status, advice?: string): Finding
}

export function findings(check: string): Findings {
  const bad = (status: Status, fault: string, found: string, advice: string, data?: Finding['data']): Finding => ({
    check,
    status,
    found,
    fault,
    advice,
    ...(data && { data })
  })
  return {
    ok: (found, data) => ({ check, status: 'ok', found, ...(data && { data }) }),
    warn: (...what) => bad('warn', ...what),
    fail: (...what) => bad('fail', ...what),
    failed(thrown, fault, status = 'fail', otherwise = 'see docs/guide/doctor.md') {
      const { message, data } = PeergradError.from(thrown)
      const { fault: word = fault, stack: _stack, ...rest } = data
      const [found = '', ...advice] = message.split('; ')
      return bad(status, String(word), found, advice.join('; ') || otherwise, rest)
    }
  }
}

/** The worst of them. */
export function worst(found: readonly Finding[]): Status {
  const has = (status: Status) => found.some((each) => each.status === status)
  return has('fail') ? 'fail' : has('warn') ? 'warn' : 'ok'
}
