import { PeergradError, random, shown, type CraftInput } from '@peergrad/core'
import { namedCraft } from '@peergrad/strategies'
import { pipelineOf } from '../aggregate/by-hand.js'
import { checkFields, countOf, isObject, parametersOf, textOf, useWith, type Document } from '../by-hand/document.js'
import { loadNamed } from '../by-hand/named.js'
import { vectorOf, vectorsOf, written, type Numbers } from '../by-hand/vectors.js'
import { inTime } from '../in-time.js'
import { ATTACKS, withDefence } from './byzfl-names.js'

/** Milliseconds: a run's deadline and grace, as they are unless it says others. */
const PATIENCE = 32_000

/**
 * The vector that a hostile peer would give beside the honest `vectors` of a document. Fields: `attack`, `params`, `vectors`,
 * `own` (what it would give if it were honest; the first of `vectors` unless given), `last` (what the run made of the round
 * before), `f` (hostile peers, 1), `dtype`, `seed`, and `defence` as `peergrad aggregate` takes a rule, for an attack that is
 * searched against one. Names and parameters are ours or ByzFL's. Error `unsupported` for an attack that crafts no vector.
 */
export async function craftByHand(given: Document): Promise<{ output: number[] }> {
  checkFields(given, ['attack', 'params', 'vectors', 'own', 'last', 'f', 'dtype', 'seed', 'defence'])
  const document = withDefence(given)
  const named = textOf(document, 'attack')
  const { plugin: attack, by } = await loadNamed(ATTACKS, named, parametersOf(document, 'params'))
  if (attack.level !== 'gradient') {
    const message = `craft: got ${attack.name}, of the level ${attack.level}, expected an attack that crafts a gradient`
    throw new PeergradError('unsupported', message, { attack: attack.name })
  }
  const defence = document['defence'] ?? undefined
  if (defence !== undefined && !attack.knows.includes('defence')) throw useWith('defence', defence, named)
  const numbers = vectorsOf(document, 'vectors')
  const { vectors: honest, allocate } = numbers
  const one = (field: string) => {
    const vector = vectorOf(document, field)
    if (vector.length === honest[0].length) return vector
    throw new PeergradError('shape', `${field}: got ${vector.length} numbers, expected ${honest[0].length}`)
  }
  const f = countOf(document, 'f', 1, 1)
  const out = allocate(honest[0].length)
  const who = `attack ${attack.name}`
  const crafting = namedCraft(attack)({
    own: (document['own'] ?? null) === null ? honest[0] : one('own'),
    honest,
    ...((document['last'] ?? null) !== null && { last: one('last') }),
    out,
    random: random(countOf(document, 'seed', 0), 'attack', 0),
    round: 0,
    n: honest.length + f,
    f,
    ...(defence !== undefined && { defence: await defenceOf(defence, numbers, f) })
  })
  await inTime(who, PATIENCE, Promise.resolve(crafting))
  return { output: written(out, by) }
}

async function defenceOf(document: unknown, numbers: Numbers, f: number): Promise<CraftInput['defence']> {
  if (!isObject(document))
    throw new PeergradError('argument', `defence: got ${shown(document)}, expected {"rule": …, "params": {…}}`)
  checkFields(document, ['rule', 'params', 'preAggregators'], 'defence.')
  textOf(document, 'rule', 'defence.')
  const { aggregate } = await pipelineOf(document, numbers, 'defence.')
  return async (candidate) => {
    const copy = numbers.allocate(candidate.length)
    copy.set(candidate)
    return aggregate([...numbers.vectors, ...Array<typeof copy>(f).fill(copy)])
  }
}
