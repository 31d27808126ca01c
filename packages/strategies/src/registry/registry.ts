import { registry } from '@peergrad/core'
import { allGather } from '../architectures/all-gather.js'
import { allReduce } from '../architectures/all-reduce.js'
import { diloco } from '../architectures/diloco.js'
import { gossip } from '../architectures/gossip.js'
import { local } from '../architectures/local.js'
import { mlless } from '../architectures/mlless.js'
import { ring } from '../architectures/ring.js'
import { scatterReduce } from '../architectures/scatter-reduce.js'
import { spirt } from '../architectures/spirt.js'
import { f16 } from '../codecs/f16.js'
import { f32 } from '../codecs/f32.js'
import { int8 } from '../codecs/int8.js'
import { sign } from '../codecs/sign.js'
import { none } from '../filters/none.js'
import { randomK } from '../filters/random-k.js'
import { significant } from '../filters/significant.js'
import { significantModel } from '../filters/significant-model.js'
import { topK } from '../filters/top-k.js'
import { arc } from '../pre-aggregators/arc.js'
import { bucketing } from '../pre-aggregators/bucketing.js'
import { clipping } from '../pre-aggregators/clipping.js'
import { nnm } from '../pre-aggregators/nnm.js'
import { bulyan } from '../rules/bulyan.js'
import { caf } from '../rules/caf.js'
import { centeredClipping } from '../rules/centered-clipping.js'
import { dnc } from '../rules/dnc.js'
import { faba } from '../rules/faba.js'
import { geometricMedian } from '../rules/geometric-median.js'
import { krum } from '../rules/krum.js'
import { mda } from '../rules/mda.js'
import { mean } from '../rules/mean.js'
import { meamed } from '../rules/meamed.js'
import { median } from '../rules/median.js'
import { monna } from '../rules/monna.js'
import { multiKrum } from '../rules/multi-krum.js'
import { signMajority } from '../rules/sign-majority.js'
import { smea } from '../rules/smea.js'
import { trimmedMean } from '../rules/trimmed-mean.js'
import { zeno } from '../rules/zeno.js'

/** One line each: the file, and the factory that it exports. */
export const strategies = registry('strategy', import.meta.url, [
  ['../architectures/spirt.js', { spirt }],
  ['../architectures/mlless.js', { mlless }],
  ['../architectures/scatter-reduce.js', { scatterReduce }],
  ['../architectures/all-reduce.js', { allReduce }],
  ['../architectures/all-gather.js', { allGather }],
  ['../architectures/ring.js', { ring }],
  ['../architectures/diloco.js', { diloco }],
  ['../architectures/gossip.js', { gossip }],
  ['../architectures/local.js', { local }]
])

export const aggregators = registry('aggregator', import.meta.url, [
  ['../rules/mean.js', { mean }],
  ['../rules/median.js', { median }],
  ['../rules/trimmed-mean.js', { trimmedMean }],
  ['../rules/meamed.js', { meamed }],
  ['../rules/geometric-median.js', { geometricMedian }],
  ['../rules/krum.js', { krum }],
  ['../rules/multi-krum.js', { multiKrum }],
  ['../rules/bulyan.js', { bulyan }],
  ['../rules/centered-clipping.js', { centeredClipping }],
  ['../rules/mda.js', { mda }],
  ['../rules/monna.js', { monna }],
  ['../rules/caf.js', { caf }],
  ['../rules/smea.js', { smea }],
  ['../rules/faba.js', { faba }],
  ['../rules/dnc.js', { dnc }],
  ['../rules/sign-majority.js', { signMajority }],
  ['../rules/zeno.js', { zeno }]
])

export const preAggregators = registry('pre-aggregator', import.meta.url, [
  ['../pre-aggregators/nnm.js', { nnm }],
  ['../pre-aggregators/bucketing.js', { bucketing }],
  ['../pre-aggregators/clipping.js', { clipping }],
  ['../pre-aggregators/arc.js', { arc }]
])

export const filters = registry('filter', import.meta.url, [
  ['../filters/none.js', { none }],
  ['../filters/significant.js', { significant }],
  ['../filters/significant-model.js', { significantModel }],
  ['../filters/top-k.js', { topK }],
  ['../filters/random-k.js', { randomK }]
])

export const codecs = registry('codec', import.meta.url, [
  ['../codecs/f32.js', { f32 }],
  ['../codecs/f16.js', { f16 }],
  ['../codecs/int8.js', { int8 }],
  ['../codecs/sign.js', { sign }]
])
