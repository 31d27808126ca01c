import { registry } from '@peergrad/core'
import { alie, optimalAlie } from './a-little.js'
import { backdoor, featureNoise } from './features.js'
import { ipm, optimalIpm } from './inner-product.js'
import { labelFlip, randomLabels, sortedLabels } from './labels.js'
import { minMax, minSum } from './least-noticed.js'
import { mimic } from './mimic.js'
import { freeRider, gaussian } from './noise.js'
import { dissensus, scaling, zero } from './scaled.js'
import { signFlip } from './sign-flip.js'
import { longer, truncated, withhold, wrongDigest } from './wire/bytes.js'
import { eclipse, lyingDonor } from './wire/donor.js'
import { bomb, wrongDtype, wrongShape } from './wire/forms.js'
import { doubleReady, equivocation, falseSuspicion, impersonation, replay } from './wire/lies.js'
import { flood, inflatedSamples } from './wire/pressure.js'
import { delay, drop, stale } from './wire/silence.js'
import { sybil } from './wire/sybil.js'
import { usurper } from './wire/usurper.js'
import { huge, infinity, nan } from './wire/values.js'

/** By level: data, gradient, payload, protocol. */
export const attacks = registry('attack', import.meta.url, [
  ['../attacks/labels.js', { labelFlip, randomLabels, sortedLabels }],
  ['../attacks/features.js', { backdoor, featureNoise }],
  ['../attacks/sign-flip.js', { signFlip }],
  ['../attacks/inner-product.js', { ipm, optimalIpm }],
  ['../attacks/a-little.js', { alie, optimalAlie }],
  ['../attacks/least-noticed.js', { minMax, minSum }],
  ['../attacks/mimic.js', { mimic }],
  ['../attacks/noise.js', { gaussian, freeRider }],
  ['../attacks/scaled.js', { zero, scaling, dissensus }],
  ['../attacks/wire/values.js', { nan, infinity, huge }],
  ['../attacks/wire/forms.js', { wrongShape, wrongDtype, bomb }],
  ['../attacks/wire/bytes.js', { wrongDigest, truncated, longer, withhold }],
  ['../attacks/wire/lies.js', { equivocation, impersonation, doubleReady, falseSuspicion, replay }],
  ['../attacks/wire/usurper.js', { usurper }],
  ['../attacks/wire/silence.js', { drop, delay, stale }],
  ['../attacks/wire/pressure.js', { flood, inflatedSamples }],
  ['../attacks/wire/donor.js', { eclipse, lyingDonor }],
  ['../attacks/wire/sybil.js', { sybil }]
])
