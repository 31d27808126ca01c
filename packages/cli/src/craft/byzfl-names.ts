import { PeergradError, shown } from '@peergrad/core'
import { countOf, objectOf, textOf, type Document } from '../by-hand/document.js'

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

/**
 * The document in our words: ByzFL's optimisers have the defence, and how many are hostile, among their parameters. Error
 * `argument` for one that is none, and for a second defence.
 */
export function inOurWords(document: Document): Document {
  const name = String(document['attack'])
  const given = objectOf(document, 'params')
  const theirs = Object.hasOwn(ATTACKS, name)
  if (!theirs && given['agg'] === undefined) return document
  const { agg, pre_agg_list, f, c = 2, tau_found: prefer, ...params } = given
  checkOneDefence(document, given)
  if (agg !== undefined) textOf({ 'params.agg': agg }, 'params.agg')
  if (f !== undefined) countOf({ 'params.f': f }, 'params.f', 1, 1)
  const of = (rule: unknown) =>
    rule === 'Clipping' || rule === 'clipping' ? { c } : WITHOUT_F.includes(rule) || f === undefined ? {} : { f }
  const preAggregators = namesOf(pre_agg_list ?? []).map((rule) => ({ rule, params: of(rule) }))
  return {
    ...document,
    attack: theirs ? ATTACKS[name] : name,
    params: { ...params, ...(prefer !== undefined && { prefer }) },
    ...(f !== undefined && { f }),
    ...(agg !== undefined && { defence: { rule: agg, params: of(agg), preAggregators } })
  }
}

function checkOneDefence({ defence }: Document, params: Document): void {
  const word = ['agg', 'pre_agg_list'].find((each) => params[each] !== undefined)
  if (defence === undefined || word === undefined) return
  throw new PeergradError('argument', `params.${word}: got a defence beside it, expected one of the two`)
}

function namesOf(list: unknown): readonly string[] {
  if (Array.isArray(list) && list.every((name) => typeof name === 'string' && name !== '')) return list as string[]
  const message = `params.pre_agg_list: got ${shown(list)}, expected a list of names, as in ["Clipping", "NNM"]`
  throw new PeergradError('argument', message)
}
