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
  ['./labels.js', labelFlip],
  ['./labels.js', randomLabels],
  ['./labels.js', sortedLabels],
  ['./features.js', backdoor],
  ['./features.js', featureNoise],
  ['./sign-flip.js', signFlip],
  ['./inner-product.js', ipm],
  ['./inner-product.js', optimalIpm],
  ['./a-little.js', alie],
  ['./a-little.js', optimalAlie],
  ['./least-noticed.js', minMax],
  ['./least-noticed.js', minSum],
  ['./mimic.js', mimic],
  ['./noise.js', gaussian],
  ['./noise.js', freeRider],
  ['./scaled.js', zero],
  ['./scaled.js', scaling],
  ['./scaled.js', dissensus],
  ['./wire/values.js', nan],
  ['./wire/values.js', infinity],
  ['./wire/values.js', huge],
  ['./wire/forms.js', wrongShape],
  ['./wire/forms.js', wrongDtype],
  ['./wire/forms.js', bomb],
  ['./wire/bytes.js', wrongDigest],
  ['./wire/bytes.js', truncated],
  ['./wire/bytes.js', longer],
  ['./wire/bytes.js', withhold],
  ['./wire/lies.js', equivocation],
  ['./wire/lies.js', impersonation],
  ['./wire/lies.js', doubleReady],
  ['./wire/lies.js', falseSuspicion],
  ['./wire/lies.js', replay],
  ['./wire/usurper.js', usurper],
  ['./wire/silence.js', drop],
  ['./wire/silence.js', delay],
  ['./wire/silence.js', stale],
  ['./wire/pressure.js', flood],
  ['./wire/pressure.js', inflatedSamples],
  ['./wire/donor.js', eclipse],
  ['./wire/donor.js', lyingDonor],
  ['./wire/sybil.js', sybil]
])
