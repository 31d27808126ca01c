import { isBuiltIn, PeergradError, shown } from '@peergrad/core'
import { attacks } from '../attack/registry.js'
import { countOf, objectOf, positiveOf, textOf, useWith, useWithout, type Document } from '../by-hand/document.js'
import type { Aliases, Shelf } from '../by-hand/named.js'

const SEARCH = {
  takes: ['agg', 'pre_agg_list', 'f', 'c', 'evals', 'start', 'delta', 'ratio', 'tau_found'],
  options: {}
}
const FOUND = { tau_found: 'prefer' }

/** Those that have the defence, and how many are hostile, among their parameters in ByzFL; by our names they take them too. */
const SEARCHED: Aliases = {
  Optimal_InnerProductManipulation: { name: 'optimal-ipm', ...SEARCH, words: FOUND },
  Optimal_ALittleIsEnough: { name: 'optimal-alie', ...SEARCH, words: FOUND },
  'optimal-ipm': { name: 'optimal-ipm', ...SEARCH, words: FOUND },
  'optimal-alie': { name: 'optimal-alie', ...SEARCH, words: FOUND }
}

const OTHERS: Aliases = {
  SignFlipping: { name: 'sign-flip', options: {}, takes: ['factor', 'of'] },
  InnerProductManipulation: { name: 'ipm', options: {}, takes: ['tau'] },
  ALittleIsEnough: { name: 'alie', options: {}, takes: ['tau'] },
  Mimic: { name: 'mimic', options: {}, takes: ['epsilon'] }
}

/** Our attacks, by ByzFL's names too. */
export const ATTACKS: Shelf<'attack'> = { kind: 'attack', registry: attacks, aliases: { ...OTHERS, ...SEARCHED } }

/** What takes no f, by ByzFL's names and ours. */
const WITHOUT_F: readonly unknown[] = [
  ...['Average', 'Median', 'GeometricMedian', 'CenteredClipping', 'Bucketing'],
  ...['mean', 'median', 'geometric-median', 'centered-clipping', 'sign-majority', 'bucketing']
]

/**
 * The document with ByzFL's defence in our place for it. Error `argument` for a defence that is none, a second one, a second f
 * that differs, and a parameter of the search where nothing is searched.
 */
export function withDefence(document: Document): Document {
  const [attack] = String(document['attack']).split(':')
  const params = objectOf(document, 'params')
  if (Object.hasOwn(SEARCHED, attack)) return searched(document, params)
  const theirs = ['agg', 'pre_agg_list', 'tau_found', ...(Object.hasOwn(OTHERS, attack) ? ['f', 'c'] : [])]
  const stray = theirs.find((word) => (params[word] ?? null) !== null)
  if (stray !== undefined && isBuiltIn(attacks, OTHERS[attack]?.name ?? attack))
    throw useWith(`params.${stray}`, params[stray], attack)
  return document
}

function searched(document: Document, given: Document): Document {
  const { agg, pre_agg_list, f: _, c, ...params } = given
  const f = hostile(document, given)
  if ((agg ?? null) === null) {
    const stray = ['pre_agg_list', 'c'].find((word) => (given[word] ?? null) !== null)
    if (stray !== undefined) throw useWithout(`params.${stray}`, given[stray], 'params.agg')
  }
  const inWords = { ...document, params, ...(f !== undefined && { f }) }
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
