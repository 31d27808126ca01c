import { PeergradError, replace, shown, type PreAggregator, type Random } from '@peergrad/core'
import { checkFields, isObject, objectOf, parametersOf, textOf, useWith, type Document } from '../by-hand/document.js'
import { loadNamed, type Step } from '../by-hand/named.js'
import { PRE_AGGREGATORS } from './byzfl-names.js'

/** The `preAggregators` of a document, of which messages say the `path`. */
export async function chainOf(document: Document, path: string): Promise<Step<PreAggregator>[]> {
  const list = document['preAggregators'] ?? []
  if (!Array.isArray(list) || !list.every(isObject)) {
    const message = `${path}preAggregators: got ${shown(list)}, expected a list of objects {"rule": …, "params": {…}}`
    throw new PeergradError('argument', message)
  }
  return Promise.all(list.map((each, i) => stepOf(each, `${path}preAggregators[${i}].`)))
}

async function stepOf(document: Document, path: string): Promise<Step<PreAggregator>> {
  checkFields(document, ['rule', 'params'], path)
  const rule = textOf(document, 'rule', path)
  const { permutation = null, ...others } = objectOf(document, 'params', path)
  const step = await loadNamed(PRE_AGGREGATORS, rule, parametersOf({ params: others }, 'params', path), path)
  if (permutation === null) return step
  const { plugin, by } = step
  const place = `${path}params.permutation`
  if (by !== undefined || plugin.name !== 'bucketing') throw useWith(place, permutation, rule)
  const dealt = dealing(permutation, place)
  const apply: PreAggregator['apply'] = (input) => plugin.apply({ ...input, random: { ...input.random, ...dealt } })
  return { ...step, plugin: replace(plugin, { apply }) }
}

/** A shuffle with the outcome that the document gives. */
function dealing(permutation: unknown, place: string): Pick<Random, 'shuffle'> {
  const order: readonly unknown[] = Array.isArray(permutation) ? permutation : []
  if (order.length === 0 || order.some((_, i) => !order.includes(i))) {
    const message = `${place}: got ${shown(permutation)}, expected a list of all indices from 0, each once`
    throw new PeergradError('argument', message)
  }
  return {
    shuffle(values) {
      if (values.length !== order.length) {
        const message = `${place}: got ${order.length} indices for ${values.length} vectors, expected one each`
        throw new PeergradError('argument', message)
      }
      for (const [i, index] of order.entries()) values[i] = index as number
      return values
    }
  }
}
