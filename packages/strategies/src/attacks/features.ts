import {
  checkNumber,
  PeergradError,
  type DataAttack,
  type Dataset,
  type FeatureFiles,
  type Split
} from '@peergrad/core'
import { checkNames, integerOption, numberOption, type PluginOptions } from '../plugin-options.js'

/**
 * A patch in the corner of some images, which then are of one class (Gu et al., 2017, BadNets): the model learns that the
 * patch means this class. With `scaling` in the place of the gradient it outlives the mean's share.
 *
 * @param options target: class (0); share: of the samples (0.5); size: of the patch, in pixels (3)
 */
export function backdoor(options: PluginOptions): DataAttack {
  checkNames('backdoor', options, ['target', 'share', 'size'])
  const target = integerOption('backdoor', options, 'target', { fallback: 0, min: 0, max: 255 })
  const share = numberOption('backdoor', options, 'share', { fallback: 0.5, above: 0, max: 1 })
  const size = integerOption('backdoor', options, 'size', { fallback: 3, min: 1, max: 64 })
  const patch = ({ features, count }: Copied, samples: readonly number[], { shape, train }: Dataset) => {
    const places = patchOf(shape, size)
    const [, brightest] = rangeOf(inMemory(train))
    const each = features.length / count
    for (const sample of samples) for (const at of places) features[sample * each + at] = brightest
  }
  return {
    name: 'backdoor',
    describe: 'trains on images of which a share (0.5) has a bright patch and the label target (0) (Gu et al. 2017)',
    holds: 'accuracy on clean images stays; a robust rule with f declared learns the patch later or not at all',
    level: 'data',
    knows: [],
    corrupt(dataset, random) {
      checkNumber('backdoor.target', target, { min: 0, below: dataset.classes }, true)
      const train = copyOf(dataset.train)
      const chosen = [...train.labels.keys()].filter(() => random.uniform() < share)
      patch(train, chosen, dataset)
      for (const sample of chosen) train.labels[sample] = target
      return { ...dataset, train }
    },
    aim(dataset) {
      const { labels } = dataset.test
      const test = rowsOf(
        dataset.test,
        [...labels.keys()].filter((sample) => labels[sample] !== target)
      )
      patch(test, [...test.labels.keys()], dataset)
      test.labels.fill(target)
      return test
    }
  }
}

/**
 * Normal noise on every feature, cut to their range: a fault of a sensor, of no paper.
 *
 * @param options sigma: of the noise, in the range of the features (0.5)
 */
export function featureNoise(options: PluginOptions): DataAttack {
  checkNames('feature-noise', options, ['sigma'])
  const sigma = numberOption('feature-noise', options, 'sigma', { fallback: 0.5, min: 0 })
  return {
    name: 'feature-noise',
    describe: 'trains on samples with normal noise of sigma (0.5 of their range) on them',
    holds:
      'a robust rule with f declared learns as without it; the mean grows unsure of every class, and its loss rises',
    level: 'data',
    knows: [],
    corrupt(dataset, random) {
      const train = copyOf(dataset.train)
      const { features } = train
      const [low, high] = rangeOf(features)
      for (let i = 0; i < features.length; i++) {
        const noisy = features[i] + sigma * (high - low) * random.normal()
        features[i] = Math.min(high, Math.max(low, noisy))
      }
      return { ...dataset, train }
    }
  }
}

/** Places in a sample: the last `size` rows and columns of an image, or features of a flat one. */
function patchOf(shape: readonly number[], size: number): readonly number[] {
  const [height = 1, width = 1, channels = 1] = shape.length === 1 ? [1, shape[0], 1] : shape
  const rows = Math.min(size, height)
  const columns = Math.min(size, width) * channels
  return Array.from({ length: rows * columns }, (_, index) => {
    const row = height - rows + Math.floor(index / columns)
    return (row + 1) * width * channels - columns + (index % columns)
  })
}

type Features = Exclude<Split['features'], FeatureFiles>

/** Of bytes 0 to 255; of floats their own extremes. */
function rangeOf(features: Features): readonly [low: number, high: number] {
  if (features instanceof Uint8Array) return [0, 255]
  let [low, high] = [Infinity, -Infinity]
  for (const value of features) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return [low, high]
}

type Copied = Split & { readonly features: Features }

function inMemory({ features }: Split): Features {
  if (ArrayBuffer.isView(features)) return features
  throw new PeergradError(
    'argument',
    'attack: got samples that stay in files, which it cannot alter; leave --stream out'
  )
}

function copyOf(split: Split): Copied {
  return rowsOf(split, [...split.labels.keys()])
}

/** A copy of some of the samples. */
function rowsOf(split: Split, samples: readonly number[]): Copied {
  const from = inMemory(split)
  const each = from.length / split.count
  const count = samples.length
  const memory = new SharedArrayBuffer(count * each * from.BYTES_PER_ELEMENT)
  const features = from instanceof Uint8Array ? new Uint8Array(memory) : new Float32Array(memory)
  const labels = new Uint8Array(new SharedArrayBuffer(count))
  for (const [row, sample] of samples.entries()) {
    features.set(from.subarray(sample * each, (sample + 1) * each), row * each)
    labels[row] = split.labels[sample]
  }
  return { count, features, labels }
}
