import { random, type Dataset, type Split } from '@peergrad/core'

/** Samples of any shape that anything learns: each class a fixed pattern of dark and light, with a little noise. */
export function patterns({
  shape,
  classes,
  samples
}: {
  shape: readonly number[]
  classes: number
  samples: number
}): Dataset {
  const length = shape.reduce((product, size) => product * size, 1)
  const channels = shape.at(-1) ?? 1
  const source = random(1, 'patterns')
  const known = Array.from({ length: classes }, () => Float32Array.from({ length }, () => 200 * source.below(2)))
  const features = new Uint8Array(new SharedArrayBuffer(samples * length))
  const labels = new Uint8Array(new SharedArrayBuffer(samples))
  for (let sample = 0; sample < samples; sample++) {
    labels[sample] = sample % classes
    const noisy = known[sample % classes].map((value) => value + source.below(50))
    features.set(noisy, sample * length)
  }
  const split: Split = { count: samples, features, labels }
  return {
    name: 'patterns',
    shape,
    classes,
    normalise: { scale: 1 / 255, mean: Array(channels).fill(0.5), deviation: Array(channels).fill(0.5) },
    augment: { crop: 0, flip: false },
    train: split,
    test: split
  }
}
