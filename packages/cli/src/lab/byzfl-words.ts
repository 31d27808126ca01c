import { parsePlugin, PeergradError } from '@peergrad/core'
import { PRE_AGGREGATORS, RULES } from '../aggregate/byzfl-names.js'
import type { Aliases } from '../by-hand/named.js'
import { ATTACKS } from '../craft/byzfl-names.js'

const THEIRS: Readonly<Record<string, Aliases>> = {
  aggregator: RULES.aliases,
  'pre-aggregator': PRE_AGGREGATORS.aliases,
  attack: ATTACKS.aliases
}

/** Error `unknown` for a name of ByzFL: says what it is here, with ByzFL's defaults where they are others; f is told by the grid. */
export function checkOurs(word: string, text: string): void {
  const { name } = parsePlugin(text)
  const aliases = THEIRS[word] ?? {}
  if (!Object.hasOwn(aliases, name) || aliases[name].name === name) return
  const { name: ours, options } = aliases[name]
  const said = Object.entries(options).flatMap(([option, value]) => (option === 'f' ? [] : [`${option}=${value}`]))
  const whole = said.length === 0 ? ours : `${ours}:${said.join(',')}`
  throw new PeergradError('unknown', `${word}: ${name} of ByzFL is ${whole} here; write that`, { path: word })
}
