import { parsePlugin } from './plugins/resolve.js'
import { PeergradError } from './errors.js'
import { power } from './power.js'

/**
 * How the learning rate goes with the optimiser step t, from 1. With `warmup` W, the first W steps rise linearly,
 * base·t/W, and the schedule starts after them (its own t is t − W).
 *
 * - `constant`: base
 * - `step`: base·factor^⌊(t − 1)/every⌋
 * - `cosine`: base·(final + (1 − final)·(1 + cos(π·x))/2), x = min(1, (t − 1)/steps); `final` is a fraction of base
 *   (Loshchilov and Hutter, ICLR 2017, equation 5, without restarts)
 */
export type LearningRateSchedule = { readonly warmup?: number } & (
  | { readonly name: 'constant' }
  | { readonly name: 'step'; readonly every: number; readonly factor?: number }
  | { readonly name: 'cosine'; readonly steps: number; readonly final?: number }
)

type ScheduleName = LearningRateSchedule['name']

const whole = { ok: (value: number) => Number.isSafeInteger(value) && value >= 1, range: 'a whole number from 1' }
const fraction = { ok: (value: number) => value >= 0 && value <= 1, range: 'a number from 0 to 1' }
const warmup = { ok: (value: number) => Number.isSafeInteger(value) && value >= 0, range: 'a whole number from 0' }

/** The options of each schedule, with range and default; without default it must be given. */
const OPTIONS = {
  constant: { warmup: { ...warmup, fallback: 0 } },
  step: { every: whole, factor: { ...fraction, fallback: 0.1 }, warmup: { ...warmup, fallback: 0 } },
  cosine: { steps: whole, final: { ...fraction, fallback: 0 }, warmup: { ...warmup, fallback: 0 } }
} satisfies Record<ScheduleName, Record<string, { ok: (value: number) => boolean; range: string; fallback?: number }>>

/**
 * The learning rate of a step: pure, and the same bits everywhere (basic float64 operations only).
 *
 * @param step from 1
 * @param base the optimiser's learning rate
 */
export function learningRateAt(schedule: LearningRateSchedule, step: number, base: number): number {
  const rising = schedule.warmup ?? 0
  if (step <= rising) return (base * step) / rising
  const done = step - rising - 1
  switch (schedule.name) {
    case 'constant':
      return base
    case 'step':
      return base * power(schedule.factor ?? 0.1, Math.floor(done / schedule.every))
    case 'cosine': {
      const final = schedule.final ?? 0
      return base * (final + (1 - final) * halfCosine(Math.min(1, done / schedule.steps)))
    }
  }
}

/**
 * `constant`, `step:every=100,factor=0.1`, `cosine:steps=1000,final=0.01`, each with `warmup=50` if wanted.
 * Errors: `unknown` for another name or option, `argument` for a value that is missing or out of its range.
 */
export function parseSchedule(text: string): LearningRateSchedule {
  const { name, options } = parsePlugin(text)
  if (!isScheduleName(name)) {
    throw new PeergradError('unknown', `schedule: got "${name}", expected one of ${Object.keys(OPTIONS).join(', ')}`)
  }
  const table: Record<string, { ok: (value: number) => boolean; range: string; fallback?: number }> = OPTIONS[name]
  const stray = Object.keys(options).find((key) => !Object.hasOwn(table, key))
  if (stray !== undefined) {
    throw new PeergradError('unknown', `schedule ${name}: got "${stray}", expected ${Object.keys(table).join(', ')}`)
  }
  const read = (key: string): number => {
    const value = options[key] ?? table[key].fallback
    if (typeof value === 'number' && table[key].ok(value)) return value
    throw new PeergradError('argument', `schedule ${name}: ${key}: got ${value}, expected ${table[key].range}`)
  }
  const rising = { warmup: read('warmup') }
  if (name === 'constant') return { name, ...rising }
  if (name === 'step') return { name, every: read('every'), factor: read('factor'), ...rising }
  return { name, steps: read('steps'), final: read('final'), ...rising }
}

/**
 * The schedule of a run that makes `ratio` times as many optimiser steps of the same work: what it counts in steps is as
 * many times longer, to the nearest whole step, one at least where there were some. Errors: those of `parseSchedule`.
 */
export function scaleSchedule(text: string, ratio: number): string {
  parseSchedule(text)
  const { name, options } = parsePlugin(text)
  const scaled = Object.entries(options).map(([key, value]) => {
    const counted = key === 'steps' || key === 'every' || key === 'warmup'
    return `${key}=${counted && Number(value) > 0 ? Math.max(1, Math.round(Number(value) * ratio)) : value}`
  })
  return scaled.length === 0 ? name : `${name}:${scaled.join(',')}`
}

function isScheduleName(name: string): name is ScheduleName {
  return Object.hasOwn(OPTIONS, name)
}

/** (1 + cos(π·x))/2 = cos²(π·x/2) for x in [0, 1], by Taylor's series to the 22nd power: Math.cos may differ by engine. */
function halfCosine(x: number): number {
  const angle = (Math.PI / 2) * x
  const square = angle * angle
  let cosine = 1
  for (let order = 22; order > 0; order -= 2) cosine = 1 - (cosine * square) / (order * (order - 1))
  return cosine * cosine
}
