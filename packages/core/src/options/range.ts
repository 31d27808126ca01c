import { PeergradError } from '../errors.js'
import { shown } from '../shown.js'

/** Bounds of a number. `min` and `max` are in the range, `above` and `below` are not. */
export interface Range {
  readonly min?: number
  readonly above?: number
  readonly max?: number
  readonly below?: number
}

/** "0 ≤ trim < 0.5", "epochs ≥ 1": a range as a sentence about `word`. */
export function rangeText(word: string, range: Range): string {
  const upper = range.max !== undefined ? ` ≤ ${range.max}` : range.below !== undefined ? ` < ${range.below}` : ''
  if (upper === '') {
    if (range.min !== undefined) return `${word} ≥ ${range.min}`
    return range.above !== undefined ? `${word} > ${range.above}` : `a number`
  }
  const lower = range.min !== undefined ? `${range.min} ≤ ` : range.above !== undefined ? `${range.above} < ` : ''
  return `${lower}${word}${upper}`
}

/**
 * A number of the range, given as a number or as text. `path` names it in the message, e.g. `strategy.trim`:
 * "strategy.trim: got 0.7, expected 0 ≤ trim < 0.5" (error `argument`).
 */
export function checkNumber(path: string, raw: unknown, range: Range, integer = false): number {
  const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
  const word = path.slice(path.lastIndexOf('.') + 1)
  const good =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (!integer || Number.isSafeInteger(value)) &&
    value >= (range.min ?? -Infinity) &&
    value > (range.above ?? -Infinity) &&
    value <= (range.max ?? Infinity) &&
    value < (range.below ?? Infinity)
  if (good) return value
  const kind = integer ? 'an integer, ' : ''
  throw new PeergradError('argument', `${path}: got ${show(raw)}, expected ${kind}${rangeText(word, range)}`, { path })
}

/** What was given on a command line, as a message shows it: a text that is a number has no quotes, and an empty one is nothing. */
export function show(raw: unknown): string {
  if (raw === '') return shown(undefined)
  const number = typeof raw === 'string' && raw.trim() !== '' && !Number.isNaN(Number(raw))
  return number ? raw : shown(raw)
}
