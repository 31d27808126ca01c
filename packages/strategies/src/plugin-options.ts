import { checkNumber, PeergradError, suggestion, type AggregatorFactory, type Range } from '@peergrad/core'

/** What stands behind the colon of `name:key=value,…`. */
export type PluginOptions = Parameters<AggregatorFactory>[0]

/** Error `unknown` for an option that the plug-in has not. */
export function checkNames(plugin: string, options: PluginOptions, known: readonly string[]): void {
  for (const [name] of Object.entries(options)) {
    if (known.includes(name)) continue
    const expected = known.length > 0 ? `${suggestion(name, known)}expected one of ${known.join(', ')}` : 'it has none'
    throw new PeergradError('unknown', `${plugin}: got the option "${name}", ${expected}`, { plugin, option: name })
  }
}

/** Error `argument` unless the option is left out or true or false. */
export function booleanOption(plugin: string, options: PluginOptions, name: string, fallback: boolean): boolean {
  const value = options[name] ?? fallback
  if (typeof value === 'boolean') return value
  throw new PeergradError('argument', `${plugin}.${name}: got ${JSON.stringify(value)}, expected true or false`)
}

/** Error `argument` unless the option is left out or a number in range. */
export function numberOption(
  plugin: string,
  options: PluginOptions,
  name: string,
  { fallback, ...range }: Range & { fallback: number }
): number {
  return checkNumber(`${plugin}.${name}`, options[name] ?? fallback, range)
}

/** Error `argument` unless the option is left out or a whole number in range. */
export function integerOption(
  plugin: string,
  options: PluginOptions,
  name: string,
  { fallback, ...range }: Range & { fallback: number }
): number {
  return checkNumber(`${plugin}.${name}`, options[name] ?? fallback, range, true)
}

/** Error `unknown` unless the option is left out or one of the words, the first of which is the default. */
export function choiceOption<T extends string>(
  plugin: string,
  options: PluginOptions,
  name: string,
  words: readonly [T, ...T[]]
): T {
  const value = options[name] ?? words[0]
  const found = words.find((word) => word === value)
  if (found !== undefined) return found
  const message = `${plugin}.${name}: got ${JSON.stringify(value)}, expected one of ${words.join(', ')}`
  throw new PeergradError('unknown', message, { plugin, option: name })
}
