import { objectOf, type Document } from '../by-hand/document.js'

/** ByzFL's attacks by our names. */
const ATTACKS: Readonly<Record<string, string>> = {
  SignFlipping: 'sign-flip',
  InnerProductManipulation: 'ipm',
  ALittleIsEnough: 'alie',
  Mimic: 'mimic',
  Optimal_InnerProductManipulation: 'optimal-ipm',
  Optimal_ALittleIsEnough: 'optimal-alie'
}

/** What takes no f, by ByzFL's names and ours. */
const WITHOUT_F: readonly unknown[] = [
  ...['Average', 'Median', 'GeometricMedian', 'CenteredClipping', 'Bucketing'],
  ...['mean', 'median', 'geometric-median', 'centered-clipping', 'sign-majority', 'bucketing']
]

/** The document in our words: ByzFL's optimisers have the defence, and how many are hostile, among their parameters. */
export function inOurWords(document: Document): Document {
  const name = String(document['attack'])
  const given = objectOf(document, 'params')
  const theirs = Object.hasOwn(ATTACKS, name)
  if (!theirs && given['agg'] === undefined) return document
  const { agg, pre_agg_list: before = [], f, c = 2, tau_found: prefer, ...params } = given
  const of = (rule: unknown) =>
    rule === 'Clipping' || rule === 'clipping' ? { c } : WITHOUT_F.includes(rule) || f === undefined ? {} : { f }
  const preAggregators = Array.isArray(before) ? before.map((rule: unknown) => ({ rule, params: of(rule) })) : before
  return {
    ...document,
    attack: theirs ? ATTACKS[name] : name,
    params: { ...params, ...(prefer !== undefined && { prefer }) },
    ...(f !== undefined && { f }),
    ...(agg !== undefined && { defence: { rule: agg, params: of(agg), preAggregators } })
  }
}
