import { PeergradError } from '@peergrad/core'

const KEY = /^[A-Za-z0-9._:-]{1,200}$/

/** Error `argument` for a key that no driver stores. */
export function checkKey(key: string): void {
  if (KEY.test(key)) return
  throw new PeergradError(
    'argument',
    `store: got the key ${JSON.stringify(key.slice(0, 220))}, expected 1 to 200 of A-Z a-z 0-9 . _ : -`
  )
}

/** Keys of the inputs of one call: error `argument` for none or a bad one, `duplicate` for one named twice. */
export function checkInputs(call: string, keys: readonly string[]): void {
  if (keys.length === 0) throw new PeergradError('argument', `store: ${call} got no vectors, expected at least one key`)
  const seen = new Set<string>()
  for (const key of keys) {
    checkKey(key)
    if (seen.has(key)) {
      throw new PeergradError('duplicate', `store: ${call} got the key "${key}" twice, expected each once`, { key })
    }
    seen.add(key)
  }
}

export function missing(keys: readonly string[]): PeergradError {
  const list = keys.map((key) => `"${key}"`).join(', ')
  return new PeergradError('missing', `store: ${list} not there (never put, deleted, or expired)`, { keys: [...keys] })
}
