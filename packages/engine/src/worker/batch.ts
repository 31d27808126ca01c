import { random, type Dataset, type Minibatch, type Random, type Split } from '@peergrad/core'

/**
 * Turns samples into what the model sees: augmented when training, then normalised. Values are written to a buffer
 * that is reused by the next batch.
 */
export class Batches {
  readonly #dataset: Dataset
  readonly #height: number
  readonly #width: number
  readonly #channels: number
  readonly #scale: Float32Array
  readonly #shift: Float32Array
  #buffer = new Float32Array(0)

  constructor(dataset: Dataset) {
    this.#dataset = dataset
    const [height = 1, width = 1, channels = 1] =
      dataset.shape.length === 3 ? dataset.shape : [1, 1, dataset.shape.at(-1) ?? 1]
    this.#height = height
    this.#width = width
    this.#channels = channels
    const { scale, mean, deviation } = dataset.normalise
    this.#scale = Float32Array.from({ length: channels }, (_, c) => scale / (deviation[c] ?? 1))
    this.#shift = Float32Array.from({ length: channels }, (_, c) => -(mean[c] ?? 0) / (deviation[c] ?? 1))
  }

  /** A training minibatch, augmented from its seed as the data set says. */
  training({ samples, seed }: Minibatch): Float32Array {
    const { crop, flip } = this.#dataset.augment
    const source = crop > 0 || flip ? random(seed, 'augment') : undefined
    return this.#gather(this.#dataset.train, samples.length, (i) => samples[i] ?? 0, source)
  }

  /** Samples from … to − 1 of a split as they are. */
  plain(split: 'train' | 'test', from: number, to: number): Float32Array {
    return this.#gather(this.#dataset[split], to - from, (i) => from + i, undefined)
  }

  #gather(split: Split, count: number, sample: (index: number) => number, source: Random | undefined): Float32Array {
    const length = this.#height * this.#width * this.#channels
    if (this.#buffer.length < count * length) this.#buffer = new Float32Array(count * length)
    const { crop, flip } = this.#dataset.augment
    for (let i = 0; i < count; i++) {
      const from = sample(i) * length
      if (source === undefined) {
        this.#copy(split, from, i * length)
      } else {
        const down = crop > 0 ? source.below(2 * crop + 1) - crop : 0
        const right = crop > 0 ? source.below(2 * crop + 1) - crop : 0
        this.#shifted(split, from, i * length, { down, right, mirrored: flip && source.below(2) === 1 })
      }
    }
    return this.#buffer.subarray(0, count * length)
  }

  #copy(split: Split, from: number, to: number): void {
    const { features } = split
    const channels = this.#channels
    const length = this.#height * this.#width * channels
    for (let i = 0, c = 0; i < length; i++) {
      this.#buffer[to + i] = (features[from + i] ?? 0) * (this.#scale[c] ?? 1) + (this.#shift[c] ?? 0)
      if (++c === channels) c = 0
    }
  }

  /** The window of a zero-padded image that lies `down` and `right` of it; the padding is zero before normalisation. */
  #shifted(split: Split, from: number, to: number, init: { down: number; right: number; mirrored: boolean }): void {
    const { features } = split
    const [height, width, channels] = [this.#height, this.#width, this.#channels]
    let out = to
    for (let y = 0; y < height; y++) {
      const row = y + init.down
      for (let x = 0; x < width; x++) {
        const column = (init.mirrored ? width - 1 - x : x) + init.right
        const inside = row >= 0 && row < height && column >= 0 && column < width
        const pixel = from + (row * width + column) * channels
        for (let c = 0; c < channels; c++) {
          const value = inside ? (features[pixel + c] ?? 0) : 0
          this.#buffer[out++] = value * (this.#scale[c] ?? 1) + (this.#shift[c] ?? 0)
        }
      }
    }
  }
}
