import { random, type Dataset, type DatasetSource, type Random, type Split } from '@peergrad/core'

import { shared } from './files.js'
import { checkOptions, count, number } from '../options.js'

/** Labels that there are. */
const LABELS = 256

/**
 * Small seeded images for tests: each class is a fixed random pattern of dark and light pixels, each sample that
 * pattern with noise. Classes separate well.
 */
export function synthetic(options: Readonly<Record<string, number | string | boolean>>): DatasetSource {
  const names = ['train', 'test', 'classes', 'side', 'channels', 'noise', 'seed']
  checkOptions('synthetic', options, names)
  const whole = (name: string, otherwise: number) => count('synthetic', options, name, otherwise)
  const [train, test] = [whole('train', 640), whole('test', 160)]
  const classes = number('synthetic', options, 'classes', {
    otherwise: 10,
    check: (value) => Number.isInteger(value) && value >= 1 && value <= LABELS,
    expected: `a whole number from 1 to at most ${LABELS}: a label is a byte`
  })
  const [side, channels] = [whole('side', 8), whole('channels', 1)]
  const anything = { otherwise: 1, check: Number.isInteger, expected: 'a whole number' }
  const seed = number('synthetic', options, 'seed', anything)
  const share = { otherwise: 0.3, check: (value: number) => value >= 0 && value <= 1, expected: '0 ≤ noise ≤ 1' }
  const noise = number('synthetic', options, 'noise', share)
  const length = side * side * channels
  return {
    name: 'synthetic',
    describe: `${classes} seeded classes of ${side}×${side}×${channels} pixels`,
    load(): Promise<Dataset> {
      const source = random(seed, 'synthetic')
      const patterns = Array.from({ length: classes }, () => Float32Array.from({ length }, () => source.below(2)))
      return Promise.resolve({
        name: 'synthetic',
        shape: [side, side, channels],
        classes,
        normalise: {
          scale: 1 / 255,
          mean: Array<number>(channels).fill(0.5),
          deviation: Array<number>(channels).fill(0.5)
        },
        augment: { crop: 0, flip: false },
        train: split(train, patterns, noise, source),
        test: split(test, patterns, noise, source)
      })
    }
  }
}

function split(samples: number, patterns: readonly Float32Array[], noise: number, source: Random): Split {
  const length = patterns[0]?.length ?? 0
  const features = new Uint8Array(samples * length)
  const labels = new Uint8Array(samples)
  for (let i = 0; i < samples; i++) {
    const label = i % patterns.length
    labels[i] = label
    patterns[label]?.forEach((value, pixel) => {
      features[i * length + pixel] = Math.round(255 * ((1 - noise) * value + noise * source.uniform()))
    })
  }
  return { count: samples, features: shared(features), labels: shared(labels) }
}
