import { PeergradError, shown } from '@peergrad/core'
import { countOf, objectOf, positiveOf, textOf, useless, type Document } from '../by-hand/document.js'

/** ByzFL's attacks by our names. */
const ATTACKS: Readonly<Record<string, string>> = {
  SignFlipping: 'sign-flip',
  InnerProductManipulation: 'ipm',
  ALittleIsEnough: 'alie',
  Mimic: 'mimic',
  Optimal_InnerProductManipulation: 'optimal-ipm',
  Optimal_ALittleIsEnough: 'optimal-alie'
}

/** Those that have the defence, and how many are hostile, among their parameters in ByzFL. */
const SEARCHED: readonly unknown[] = ['optimal-ipm', 'optimal-alie']

/** What takes no f, by ByzFL's names and ours. */
const WITHOUT_F: readonly unknown[] = [
  ...['Average', 'Median', 'GeometricMedian', 'CenteredClipping', 'Bucketing'],
  ...['mean', 'median', 'geometric-median', 'centered-clipping', 'sign-majority', 'bucketing']
]

/**
 * The document in our words, with ByzFL's defence in its place. Error `argument` for a defence that is none, a second one, a
 * second f that differs, and a parameter of the search where nothing is searched.
 */
export function inOurWords(document: Document): Document {
  const named = String(document['attack'])
  const attack = Object.hasOwn(ATTACKS, named) ? ATTACKS[named] : named
  const params = objectOf(document, 'params')
  if (SEARCHED.includes(attack)) return searched({ ...document, attack }, params)
  const theirs = ['agg', 'pre_agg_list', 'tau_found', ...(attack === named ? [] : ['f', 'c'])]
  const stray = theirs.find((word) => (params[word] ?? null) !== null)
  if (stray !== undefined) throw useless(`params.${stray}`, params[stray], named)
  return { ...document, attack }
}

function searched(document: Document, given: Document): Document {
  const { agg, pre_agg_list, f: theirs, c, tau_found, ...params } = given
  const f = hostile(document, given)
  if ((agg ?? null) === null) {
    const stray = ['pre_agg_list', 'c'].find((word) => (given[word] ?? null) !== null)
    if (stray !== undefined) throw useless(`params.${stray}`, given[stray], 'no params.agg')
  }
  const prefer = (tau_found ?? null) === null ? {} : { prefer: tau_found }
  const inWords = { ...document, params: { ...params, ...prefer }, ...(f !== undefined && { f }) }
  if ((agg ?? null) === null) return inWords
  if ((document['defence'] ?? null) !== null) {
    throw new PeergradError('argument', `params.agg: got a defence beside it, expected one of the two`)
  }
  const most = positiveOf({ 'params.c': c }, 'params.c', 2)
  const of = (rule: string) => {
    const [name] = rule.split(':')
    if (name === 'Clipping' || name === 'clipping') return { c: most }
    return WITHOUT_F.includes(name) || f === undefined ? {} : { f }
  }
  const rule = textOf({ 'params.agg': agg }, 'params.agg')
  const preAggregators = namesOf(pre_agg_list ?? []).map((each) => ({ rule: each, params: of(each) }))
  return { ...inWords, defence: { rule, params: of(rule), preAggregators } }
}

/** How many are hostile: ByzFL says it among the parameters, we beside them. */
function hostile(document: Document, params: Document): unknown {
  const [ours, theirs] = [document['f'] ?? undefined, params['f'] ?? undefined]
  if (theirs === undefined) return ours
  const f = countOf({ 'params.f': theirs }, 'params.f', 1, 1)
  if (ours === undefined || ours === f) return f
  throw new PeergradError(
    'argument',
    `params.f: got ${f} beside f: ${shown(ours)}, expected one number of hostile peers`
  )
}

function namesOf(list: unknown): readonly string[] {
  if (Array.isArray(list) && list.every((name) => typeof name === 'string' && name !== '')) return list as string[]
  const message = `params.pre_agg_list: got ${shown(list)}, expected a list of names, as in ["Clipping", "NNM"]`
  throw new PeergradError('argument', message)
}
