import { PeergradError } from '@peergrad/core'

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
  throw wrong(Array.isArray(document) ? 'a list' : typeof document, example)
}

function wrong(got: string, example: string): PeergradError {
  return new PeergradError('argument', `standard input: got ${got}, expected one JSON object, as of: ${example}`)
}

export function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Error `unknown` for a field that the document should not have. */
export function checkFields(document: Document, known: readonly string[]): void {
  const stray = Object.keys(document).find((field) => !known.includes(field))
  if (stray === undefined) return
  throw new PeergradError('unknown', `${stray}: no such field, expected ${known.join(', ')}`)
}

/** A field that is a text. Error `argument` for anything else. */
export function textOf(document: Document, field: string): string {
  const value = document[field]
  if (typeof value === 'string' && value !== '') return value
  throw new PeergradError('argument', `${field}: got ${JSON.stringify(value) ?? 'nothing'}, expected a name`)
}

/** A whole number from 0, `fallback` when it is left out. Error `argument` for anything else. */
export function countOf(document: Document, field: string, fallback: number): number {
  const value = document[field] ?? fallback
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new PeergradError('argument', `${field}: got ${JSON.stringify(value)}, expected a whole number from 0`)
}

export type Parameters = Readonly<Record<string, number | string | boolean>>

/** What stands in a field, as it stands there; nothing where the field is left out or null. */
export function objectOf(document: Document, field: string): Document {
  const value = document[field] ?? {}
  if (isObject(value)) return value
  throw new PeergradError('argument', `${field}: got ${JSON.stringify(value)}, expected an object of parameters`)
}

/**
 * The parameters of a rule or an attack, by name; none when left out, and without those that are null. Error `argument` for
 * one that is neither a number, a text, true nor false.
 */
export function parametersOf(document: Document, field: string): Parameters {
  const given = Object.entries(objectOf(document, field)).filter(([, each]) => each !== null)
  for (const [name, each] of given) {
    if (typeof each === 'number' || typeof each === 'string' || typeof each === 'boolean') continue
    const message = `${field}.${name}: got ${JSON.stringify(each)}, expected a number, a text, true or false`
    throw new PeergradError('argument', message)
  }
  return Object.fromEntries(given) as Parameters
}
