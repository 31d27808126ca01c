import { PeergradError, shown, suggestion } from '@peergrad/core'

/** One JSON object, field by field still to be checked. */
export type Document = Readonly<Record<string, unknown>>

/** The JSON object on standard input. Error `argument` when there is none; `example` is a command that would give one. */
export async function readDocument(example: string): Promise<Document> {
  if (process.stdin.isTTY) throw wrong('nothing', example)
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  if (text.trim() === '') throw wrong('nothing', example)
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (thrown) {
    throw wrong(`no JSON (${thrown instanceof Error ? thrown.message : String(thrown)})`, example)
  }
  if (isObject(document)) return document
  throw wrong(Array.isArray(document) ? 'a list' : document === null ? 'null' : typeof document, example)
}

function wrong(got: string, example: string): PeergradError {
  return new PeergradError('argument', `standard input: got ${got}, expected one JSON object, as of: ${example}`)
}

export function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Error `unknown` for a field that the document should not have; `path` goes before its name where the document is a part. */
export function checkFields(document: Document, known: readonly string[], path = ''): void {
  const stray = Object.keys(document).find((field) => !known.includes(field))
  if (stray === undefined) return
  throw new PeergradError(
    'unknown',
    `${path}${stray}: no such field, ${suggestion(stray, known)}expected ${known.join(', ')}`
  )
}

/** The error for what nothing takes that `who` names. */
export function useWith(path: string, value: unknown, who: string): PeergradError {
  const message = `${path}: got ${shown(value)} with ${who}, which has no use for it; leave it out`
  return new PeergradError('argument', message)
}

/** The error for what only `what` has a use for, which is not there. */
export function useWithout(path: string, value: unknown, what: string): PeergradError {
  const message = `${path}: got ${shown(value)} without ${what}, which it is for; add that or leave it out`
  return new PeergradError('argument', message)
}

/** A field that is a text; `path` as for `checkFields`. Error `argument` for anything else. */
export function textOf(document: Document, field: string, path = ''): string {
  const value = document[field]
  if (typeof value === 'string' && value !== '') return value
  throw new PeergradError('argument', `${path}${field}: got ${shown(value)}, expected a name`)
}

/** A whole number from `least`, `fallback` when it is left out. Error `argument` for anything else. */
export function countOf(document: Document, field: string, fallback: number, least = 0): number {
  const value = document[field] ?? fallback
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw new PeergradError('argument', `${field}: got ${shown(value)}, expected a whole number from ${least}`)
}

/** A finite number above 0, `fallback` when it is left out. Error `argument` for anything else. */
export function positiveOf(document: Document, field: string, fallback: number): number {
  const value = document[field] ?? fallback
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw new PeergradError('argument', `${field}: got ${shown(value)}, expected a finite number above 0`)
}

export type Parameters = Readonly<Record<string, number | string | boolean>>

/** What stands in a field, as it stands there; nothing where the field is left out or null. */
export function objectOf(document: Document, field: string, path = ''): Document {
  const value = document[field] ?? {}
  if (isObject(value)) return value
  throw new PeergradError('argument', `${path}${field}: got ${shown(value)}, expected an object of parameters`)
}

/**
 * The parameters of a rule or an attack, by name; none when left out, and without those that are null. Error `argument` for
 * one that is neither a finite number, a text, true nor false, and for a number as a text: command lines have those.
 */
export function parametersOf(document: Document, field: string, path = ''): Parameters {
  const given = Object.entries(objectOf(document, field, path)).filter(([, each]) => each !== null)
  for (const [name, each] of given) {
    const word = typeof each === 'string' && (each.trim() === '' || Number.isNaN(Number(each)))
    if (Number.isFinite(each) || word || typeof each === 'boolean') continue
    const expected =
      typeof each === 'string' ? `${Number(each)} without quotes` : 'a finite number, a text, true or false'
    throw new PeergradError('argument', `${path}${field}.${name}: got ${shown(each)}, expected ${expected}`)
  }
  return Object.fromEntries(given) as Parameters
}
