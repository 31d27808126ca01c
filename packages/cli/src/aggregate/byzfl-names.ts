import { aggregators, preAggregators } from '@peergrad/strategies'
import type { Aliases, Shelf } from '../by-hand/named.js'

const F = { options: { f: 0 }, takes: ['f'] }
const KRUM = { f: 0, neighbours: 'n-f-1' }

/** What rules of ByzFL (github.com/LPD-EPFL/byzfl) are here. */
const BYZFL_RULES: Aliases = {
  Average: { name: 'mean', options: {}, takes: ['weighted', 'cap'] },
  Median: { name: 'median', options: {}, takes: [] },
  TrMean: { name: 'trimmed-mean', ...F },
  Meamed: { name: 'meamed', ...F },
  GeometricMedian: {
    name: 'geometric-median',
    options: { nu: 0.1, iterations: 3, tolerance: 0, from: 'zero' },
    takes: ['nu', 'T', 'tolerance', 'from'],
    words: { T: 'iterations' }
  },
  Krum: { name: 'krum', options: KRUM, takes: ['f', 'neighbours', 'power'] },
  MultiKrum: { name: 'multi-krum', options: KRUM, takes: ['f', 'm', 'neighbours', 'power'] },
  CenteredClipping: {
    name: 'centered-clipping',
    options: { tau: 100, iterations: 1, from: 'zero' },
    takes: ['m', 'L', 'tau', 'calls', 'from'],
    words: { L: 'iterations' }
  },
  MDA: { name: 'mda', ...F },
  MoNNA: { name: 'monna', options: { f: 0 }, takes: ['f', 'idx'], words: { idx: 'trusted' } },
  CAF: { name: 'caf', ...F },
  SMEA: { name: 'smea', ...F },
  // of github.com/xcgoner/icml2019_zeno
  Zeno: {
    name: 'zeno',
    options: {},
    takes: ['b', 'rho', 'samples', 'x', 'loss', 'lr', 'penalty'],
    words: { b: 'f' }
  }
}

const BYZFL_PRE_AGGREGATORS: Aliases = {
  NNM: { name: 'nnm', ...F },
  Bucketing: { name: 'bucketing', options: { s: 1 }, takes: ['s', 'permutation'] },
  Clipping: { name: 'clipping', options: { c: 2 }, takes: ['c'] },
  ARC: { name: 'arc', ...F }
}

export const RULES: Shelf<'aggregator'> = {
  kind: 'aggregator',
  registry: aggregators,
  aliases: BYZFL_RULES,
  elsewhere: {
    registry: preAggregators,
    aliases: BYZFL_PRE_AGGREGATORS,
    hint: 'which is a pre-aggregator, expected a rule; put it into preAggregators'
  }
}

export const PRE_AGGREGATORS: Shelf<'pre-aggregator'> = {
  kind: 'pre-aggregator',
  registry: preAggregators,
  aliases: BYZFL_PRE_AGGREGATORS,
  elsewhere: {
    registry: aggregators,
    aliases: BYZFL_RULES,
    hint: 'which is a rule, expected a pre-aggregator; put it into rule, beside preAggregators'
  }
}
