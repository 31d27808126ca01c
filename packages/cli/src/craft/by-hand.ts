import { isBuiltIn, loadPlugin, PeergradError, random, resolvePlugin, shown, type CraftInput } from '@peergrad/core'
import { namedCraft } from '@peergrad/strategies'
import { pipelineOf } from '../aggregate/by-hand.js'
import { attacks } from '../attack/registry.js'
import { checkFields, countOf, isObject, parametersOf, textOf, useless, type Document } from '../by-hand/document.js'
import { vectorsOf, written, type Numbers } from '../by-hand/vectors.js'
import { inTime } from '../in-time.js'
import { inOurWords } from './byzfl-names.js'

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
  const document = inOurWords(given)
  const named = textOf(document, 'attack')
  const { options, ...reference } = resolvePlugin(attacks, named)
  const attack = await loadPlugin('attack', {
    ...reference,
    options: { ...options, ...parametersOf(document, 'params') }
  })
  if (attack.level !== 'gradient') {
    const message = `craft: got ${attack.name}, of the level ${attack.level}, expected an attack that crafts a gradient`
    throw new PeergradError('unsupported', message, { attack: attack.name })
  }
  const defence = document['defence'] ?? undefined
  if (defence !== undefined && !attack.knows.includes('defence')) throw useless('defence', defence, attack.name)
  const numbers = vectorsOf(document, 'vectors')
  const { vectors: honest, allocate } = numbers
  const one = (field: string) => {
    const [vector] = vectorsOf({ ...document, [field]: [document[field]] }, field).vectors
    if (vector.length === honest[0].length) return vector
    throw new PeergradError('shape', `${field}: got ${vector.length} numbers, expected ${honest[0].length}`)
  }
  const f = countOf(document, 'f', 1, 1)
  const out = allocate(honest[0].length)
  const who = `attack ${attack.name}`
  const crafting = namedCraft(attack)({
    own: document['own'] === undefined ? honest[0] : one('own'),
    honest,
    ...(document['last'] !== undefined && { last: one('last') }),
    out,
    random: random(countOf(document, 'seed', 0), 'attack', 0),
    round: 0,
    n: honest.length + f,
    f,
    ...(defence !== undefined && { defence: await defenceOf(defence, numbers, f) })
  })
  await inTime(who, PATIENCE, Promise.resolve(crafting))
  return { output: written(out, isBuiltIn(attacks, named) ? undefined : who) }
}

async function defenceOf(document: unknown, numbers: Numbers, f: number): Promise<CraftInput['defence']> {
  if (!isObject(document))
    throw new PeergradError('argument', `defence: got ${shown(document)}, expected {"rule": …, "params": {…}}`)
  checkFields(document, ['rule', 'params', 'preAggregators'], 'defence.')
  textOf({ 'defence.rule': document['rule'] }, 'defence.rule')
  const { aggregate } = await pipelineOf(document, numbers)
  return async (candidate) => {
    const copy = numbers.allocate(candidate.length)
    copy.set(candidate)
    return aggregate([...numbers.vectors, ...Array<typeof copy>(f).fill(copy)])
  }
}
