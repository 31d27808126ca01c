import { loadPlugin, parsePlugin, type Aggregator } from '@peergrad/core'
import { objectOf, parametersOf, textOf, type Document } from '../by-hand/document.js'
import { loadNamed, type Step } from '../by-hand/named.js'
import type { Numbers } from '../by-hand/vectors.js'
import { RULES } from './byzfl-names.js'
import { beginningAt, calling, stateOf } from './byzfl-state.js'
import { exampleOf, judgingBy } from './zeno-example.js'

/** The `rule` of a document with its `params`; messages say the `path`. */
export async function ruleOf(
  document: Document,
  numbers: Pick<Numbers, 'kernels' | 'allocate'>,
  path: string
): Promise<Step<Aggregator>> {
  const text = textOf(document, 'rule', path)
  const params = objectOf(document, 'params', path)
  const load = (others: Document) => loadNamed(RULES, text, parametersOf({ params: others }, 'params', path), path)
  switch (parsePlugin(text).name) {
    // the one rule of ByzFL that keeps something from call to call
    case 'CenteredClipping': {
      const { others, ...state } = stateOf(params)
      const step = await load(others)
      const plugin = await loadPlugin('aggregator', calling(state, step.reference))
      return { ...step, plugin: beginningAt(state, plugin, numbers) }
    }
    // its code's examples say at which point and by which loss it judges
    case 'Zeno': {
      const { others, ...example } = exampleOf(params, document['losses'])
      const step = await load(others)
      return { ...step, plugin: judgingBy(example, step.plugin) }
    }
    default:
      return load(params)
  }
}
