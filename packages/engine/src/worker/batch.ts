import { random, type Dataset, type Minibatch, type Random } from '@peergrad/core'

import { FeatureReader } from './feature-reader.js'

/** Values of one sample: the array that they lie in, and where they begin. */
interface Place {
  readonly values: Uint8Array | Float32Array
  readonly from: number
}

/**
 * Turns samples into what the model sees: augmented when training, then normalised. Values are written to a buffer
 * that is reused by the next batch.
 */
export class Batches {
  readonly #augment: Dataset['augment']
  readonly #height: number
  readonly #width: number
  readonly #channels: number
  readonly #scale: Float32Array
  readonly #shift: Float32Array
  readonly #places: { readonly [split in 'train' | 'test']: (sample: number) => Place }
  #buffer = new Float32Array(0)

  constructor(dataset: Dataset) {
    this.#augment = dataset.augment
    const { shape, normalise } = dataset
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1)
    const [height = 1, width = 1, channels = 1] = shape.length === 3 ? shape : [1, rows, shape.at(-1)]
    this.#height = height
    this.#width = width
    this.#channels = channels
    const { scale, mean, deviation } = normalise
    // one number is for all channels
    const of = (values: readonly number[], c: number) => values[values.length === 1 ? 0 : c] ?? NaN
    this.#scale = Float32Array.from({ length: channels }, (_, c) => scale / of(deviation, c))
    this.#shift = Float32Array.from({ length: channels }, (_, c) => -of(mean, c) / of(deviation, c))
    this.#places = { train: this.#placesOf(dataset.train.features), test: this.#placesOf(dataset.test.features) }
  }

  /** A training minibatch, augmented from its seed as the data set says. */
  training({ samples, seed }: Minibatch): Float32Array {
    const { crop, flip } = this.#augment
    const source = crop > 0 || flip ? random(seed, 'augment') : undefined
    return this.#gather('train', samples, source)
  }

  /** Samples of a split as they are. */
  plain(split: 'train' | 'test', samples: Uint32Array): Float32Array {
    return this.#gather(split, samples, undefined)
  }

  get #length(): number {
    return this.#height * this.#width * this.#channels
  }

  #placesOf(features: Dataset['train']['features']): (sample: number) => Place {
    const length = this.#length
    if (!('files' in features)) return (sample) => ({ values: features, from: sample * length })
    const reader = new FeatureReader(features, { length, channels: this.#channels })
    return (sample) => ({ values: reader.read(sample), from: 0 })
  }

  #gather(split: 'train' | 'test', samples: Uint32Array, source: Random | undefined): Float32Array {
    const length = this.#length
    const size = samples.length * length
    if (this.#buffer.length < size) this.#buffer = new Float32Array(size)
    const { crop, flip } = this.#augment
    for (const [i, sample] of samples.entries()) {
      const place = this.#places[split](sample)
      if (source === undefined) {
        this.#copy(place, i * length)
      } else {
        const down = crop > 0 ? source.below(2 * crop + 1) - crop : 0
        const right = crop > 0 ? source.below(2 * crop + 1) - crop : 0
        this.#shifted(place, i * length, { down, right, mirrored: flip && source.below(2) === 1 })
      }
    }
    return this.#buffer.subarray(0, size)
  }

  #copy({ values, from }: Place, to: number): void {
    const channels = this.#channels
    const length = this.#length
    for (let i = 0, c = 0; i < length; i++) {
      this.#buffer[to + i] = (values[from + i] ?? 0) * (this.#scale[c] ?? 1) + (this.#shift[c] ?? 0)
      if (++c === channels) c = 0
    }
  }

  /** The window of a zero-padded image that lies `down` and `right` of it; the padding is zero before normalisation. */
  #shifted({ values, from }: Place, to: number, init: { down: number; right: number; mirrored: boolean }): void {
    const [height, width, channels] = [this.#height, this.#width, this.#channels]
    let out = to
    for (let y = 0; y < height; y++) {
      const row = y + init.down
      for (let x = 0; x < width; x++) {
        const column = (init.mirrored ? width - 1 - x : x) + init.right
        const inside = row >= 0 && row < height && column >= 0 && column < width
        const pixel = from + (row * width + column) * channels
        for (let c = 0; c < channels; c++) {
          const value = inside ? (values[pixel + c] ?? 0) : 0
          this.#buffer[out++] = value * (this.#scale[c] ?? 1) + (this.#shift[c] ?? 0)
        }
      }
    }
  }
}
