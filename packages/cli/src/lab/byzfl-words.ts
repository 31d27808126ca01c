import { parsePlugin, PeergradError } from '@peergrad/core'
import { BYZFL_PRE_AGGREGATORS, BYZFL_RULES, translated } from '../aggregate/byzfl-names.js'
import { inOurWords } from '../craft/byzfl-names.js'

/** What ByzFL's name of a rule, a pre-aggregator or an attack is in a grid; undefined for what it does not call so. */
const OURS: Readonly<Record<string, (name: string) => string | undefined>> = {
  aggregator: (name) => ruleOf(BYZFL_RULES, name),
  'pre-aggregator': (name) => ruleOf(BYZFL_PRE_AGGREGATORS, name),
  attack: (name) => {
    const { attack } = inOurWords({ attack: name })
    return attack === name ? undefined : String(attack)
  }
}

/** Error `unknown` for a name of ByzFL: says what it is here. */
export function checkOurs(word: string, text: string): void {
  const { name } = parsePlugin(text)
  const ours = OURS[word]?.(name)
  if (ours === undefined) return
  throw new PeergradError('unknown', `${word}: ${name} of ByzFL is ${ours} here; write that`, { path: word })
}

/** With ByzFL's defaults where they are others; f is told by the grid. */
function ruleOf(aliases: typeof BYZFL_RULES, theirs: string): string | undefined {
  const { name, options } = translated(aliases, theirs, {})
  if (name === theirs) return undefined
  const said = Object.entries(options).filter(([option]) => option !== 'f')
  return said.length === 0 ? name : `${name}:${said.map(([option, value]) => `${option}=${value}`).join(',')}`
}
