import { MEDIAN_INPUTS, type StoreRule, type StoreRuleName } from '@peergrad/core'

interface ModuleRule {
  /** what PEERGRAD.AGGREGATE calls it */
  readonly word: string
  /** inputs that it takes */
  readonly most: number
}

/** Inputs of one command. */
const INPUTS = 1024

/** All rules of the module have the bits that core says (test/module-bits.test.ts). */
const RULES: Readonly<Record<StoreRuleName, ModuleRule>> = {
  mean: { word: 'MEAN', most: INPUTS },
  'weighted-mean': { word: 'WEIGHTED', most: INPUTS },
  median: { word: 'MEDIAN', most: MEDIAN_INPUTS },
  'trimmed-mean': { word: 'TRIMMED', most: MEDIAN_INPUTS },
  meamed: { word: 'MEAMED', most: MEDIAN_INPUTS },
  krum: { word: 'KRUM', most: INPUTS },
  'multi-krum': { word: 'MULTIKRUM', most: INPUTS },
  'centered-clipping': { word: 'CLIP', most: MEDIAN_INPUTS }
}

export const MODULE_RULES = Object.keys(RULES) as readonly StoreRuleName[]

/** How PEERGRAD.AGGREGATE is told of a rule over inputs of so many samples; undefined when it does not run that. */
export function moduleRule(
  rule: StoreRule | undefined,
  samples: readonly number[]
): { word: string; options: (string | number)[] } | undefined {
  const known = rule && (RULES[rule.name] as ModuleRule | undefined)
  const n = samples.length
  if (rule === undefined || known === undefined || n > known.most) return undefined
  const numbers = Object.entries(rule.parameters?.(n) ?? {})
  const weights = rule.weights?.(samples)
  // the rule itself says what is wrong with them
  if (weights !== undefined && !weights.some((weight) => weight > 0)) return undefined
  const options = numbers.flatMap(([name, value]) => [name.toUpperCase(), value])
  return { word: known.word, options: weights === undefined ? options : [...options, 'WEIGHTS', ...weights] }
}
