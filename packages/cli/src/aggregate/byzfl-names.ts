import { PeergradError } from '@peergrad/core'
import type { Parameters } from '../by-hand/document.js'

/** What a rule of ByzFL (github.com/LPD-EPFL/byzfl) is here. */
interface Alias {
  readonly name: string
  /** its defaults, in our words */
  readonly options: Parameters
  /** its parameters that have another name here */
  readonly words?: Readonly<Record<string, string>>
}

const F = { f: 0 }

export const BYZFL_RULES: Readonly<Record<string, Alias>> = {
  Average: { name: 'mean', options: {} },
  Median: { name: 'median', options: {} },
  TrMean: { name: 'trimmed-mean', options: F },
  Meamed: { name: 'meamed', options: F },
  GeometricMedian: {
    name: 'geometric-median',
    options: { nu: 0.1, iterations: 3, tolerance: 0, from: 'zero' },
    words: { T: 'iterations' }
  },
  Krum: { name: 'krum', options: { ...F, neighbours: 'n-f-1' } },
  MultiKrum: { name: 'multi-krum', options: { ...F, neighbours: 'n-f-1' } },
  CenteredClipping: {
    name: 'centered-clipping',
    options: { tau: 100, iterations: 1, from: 'zero' },
    words: { L: 'iterations' }
  },
  MDA: { name: 'mda', options: F },
  MoNNA: { name: 'monna', options: F, words: { idx: 'trusted' } },
  CAF: { name: 'caf', options: F },
  SMEA: { name: 'smea', options: F },
  // of github.com/xcgoner/icml2019_zeno
  Zeno: { name: 'zeno', options: {}, words: { b: 'f' } }
}

export const BYZFL_PRE_AGGREGATORS: Readonly<Record<string, Alias>> = {
  NNM: { name: 'nnm', options: F },
  Bucketing: { name: 'bucketing', options: { s: 1 } },
  Clipping: { name: 'clipping', options: { c: 2 } },
  ARC: { name: 'arc', options: F }
}

/** A name and its parameters in our words; what ByzFL does not call so is left as it is. Error `argument` for one in both words. */
export function translated(
  aliases: Readonly<Record<string, Alias>>,
  name: string,
  parameters: Parameters
): { name: string; options: Parameters } {
  if (!Object.hasOwn(aliases, name)) return { name, options: parameters }
  const { name: ours, options, words = {} } = aliases[name]
  const twice = Object.entries(words).find((pair) => pair.every((word) => Object.hasOwn(parameters, word)))
  if (twice !== undefined) {
    const message = `params: got ${twice.join(' and ')}, which are the same for ${name}; leave one of them out`
    throw new PeergradError('argument', message)
  }
  const given = Object.entries(parameters).map(([word, value]) => [words[word] ?? word, value] as const)
  return { name: ours, options: { ...options, ...Object.fromEntries(given) } }
}
