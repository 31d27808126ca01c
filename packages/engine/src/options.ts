import { PeergradError } from '@peergrad/core'

type Options = Readonly<Record<string, number | string | boolean>>

/** Error `unknown` for an option that the plug-in does not have. */
export function checkOptions(plugin: string, options: Options, names: readonly string[]): void {
  for (const [name] of Object.entries(options)) {
    if (names.includes(name)) continue
    const has = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
    throw new PeergradError('unknown', `${plugin}: got an option "${name}", ${has}`, { option: name })
  }
}

/** A whole number from 1. */
export function count(plugin: string, options: Options, name: string, otherwise: number): number {
  const value = options[name] ?? otherwise
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value
  throw new PeergradError('argument', `${plugin}.${name}: got ${value}, expected a whole number from 1`)
}

/** A number for which `check` holds; `expected` says so in words. */
export function number(
  plugin: string,
  options: Options,
  name: string,
  { otherwise, check, expected }: { otherwise?: number; check: (value: number) => boolean; expected: string }
): number {
  const value = options[name] ?? otherwise
  if (typeof value === 'number' && check(value)) return value
  throw new PeergradError('argument', `${plugin}.${name}: got ${value ?? 'nothing'}, expected ${expected}`)
}

/** A text that must be given. */
export function text(plugin: string, options: Options, name: string, expected: string): string {
  const value = options[name]
  if (value !== undefined && value !== '') return String(value)
  throw new PeergradError('argument', `${plugin}.${name}: got nothing, expected ${expected}, e.g. ${plugin}:${name}=…`)
}
