import { checkNumber, PeergradError, type DataAttack, type FeatureFiles, type Split } from '@peergrad/core'
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
  return {
    name: 'backdoor',
    describe: 'trains on images of which a share (0.5) has a bright patch and the label target (0) (Gu et al. 2017)',
    holds: 'accuracy on clean images stays; a robust rule with f declared learns the patch later or not at all',
    level: 'data',
    knows: [],
    corrupt(dataset, random) {
      checkNumber('backdoor.target', target, { min: 0, below: dataset.classes }, true)
      const train = copyOf(dataset.train)
      const patch = patchOf(dataset.shape, size)
      const [, brightest] = rangeOf(train.features)
      const each = train.features.length / train.count
      for (let sample = 0; sample < train.count; sample++) {
        if (random.uniform() >= share) continue
        train.labels[sample] = target
        for (const at of patch) train.features[sample * each + at] = brightest
      }
      return { ...dataset, train }
    }
  }
}

/**
 * Normal noise on every feature.
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

function copyOf({ count, features, labels }: Split): Split & { readonly features: Features } {
  if (!ArrayBuffer.isView(features)) {
    throw new PeergradError(
      'argument',
      'attack: got samples that stay in files, which it cannot alter; leave --stream out'
    )
  }
  const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength)
  const copied = new SharedArrayBuffer(bytes.byteLength)
  new Uint8Array(copied).set(bytes)
  const shared = new Uint8Array(new SharedArrayBuffer(count))
  shared.set(labels)
  return {
    count,
    features: features instanceof Uint8Array ? new Uint8Array(copied) : new Float32Array(copied),
    labels: shared
  }
}
