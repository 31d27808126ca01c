import { registry } from '../registry.js'
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
import { huge, infinity, nan } from './wire/values.js'

/** By level: data, gradient, payload, protocol. */
export const attacks = registry('attack', [
  ['./attacks/labels.js', labelFlip],
  ['./attacks/labels.js', randomLabels],
  ['./attacks/labels.js', sortedLabels],
  ['./attacks/features.js', backdoor],
  ['./attacks/features.js', featureNoise],
  ['./attacks/sign-flip.js', signFlip],
  ['./attacks/inner-product.js', ipm],
  ['./attacks/inner-product.js', optimalIpm],
  ['./attacks/a-little.js', alie],
  ['./attacks/a-little.js', optimalAlie],
  ['./attacks/least-noticed.js', minMax],
  ['./attacks/least-noticed.js', minSum],
  ['./attacks/mimic.js', mimic],
  ['./attacks/noise.js', gaussian],
  ['./attacks/noise.js', freeRider],
  ['./attacks/scaled.js', zero],
  ['./attacks/scaled.js', scaling],
  ['./attacks/scaled.js', dissensus],
  ['./attacks/wire/values.js', nan],
  ['./attacks/wire/values.js', infinity],
  ['./attacks/wire/values.js', huge],
  ['./attacks/wire/forms.js', wrongShape],
  ['./attacks/wire/forms.js', wrongDtype],
  ['./attacks/wire/forms.js', bomb],
  ['./attacks/wire/bytes.js', wrongDigest],
  ['./attacks/wire/bytes.js', truncated],
  ['./attacks/wire/bytes.js', longer],
  ['./attacks/wire/bytes.js', withhold],
  ['./attacks/wire/lies.js', equivocation],
  ['./attacks/wire/lies.js', impersonation],
  ['./attacks/wire/lies.js', doubleReady],
  ['./attacks/wire/lies.js', falseSuspicion],
  ['./attacks/wire/lies.js', replay],
  ['./attacks/wire/silence.js', drop],
  ['./attacks/wire/silence.js', delay],
  ['./attacks/wire/silence.js', stale],
  ['./attacks/wire/pressure.js', flood],
  ['./attacks/wire/pressure.js', inflatedSamples],
  ['./attacks/wire/donor.js', eclipse],
  ['./attacks/wire/donor.js', lyingDonor]
])
