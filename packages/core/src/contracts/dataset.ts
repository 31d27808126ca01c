/** Bytes of samples that stay in files, of which a minibatch reads its own: the memory that they take is a minibatch's. */
export interface FeatureFiles {
  /** absolute paths, and how many samples each holds; samples count on from one file to the next */
  readonly files: readonly { readonly path: string; readonly samples: number }[]
  /** bytes before the first sample of each file */
  readonly offset: number
  /** bytes from the start of one sample to that of the next, at least product(shape) */
  readonly stride: number
  /** a sample is all of its first channel, then all of the next, instead of pixel by pixel */
  readonly planar: boolean
}

/** One half of a data set. All samples have the same shape and stand one after the other, in shared memory or in files. */
export interface Split {
  /** number of samples */
  readonly count: number
  /** `count` × product(shape) values, in row-major order (height, width, channel): pixels 0–255 as bytes, or floats as they are */
  readonly features: Uint8Array<SharedArrayBuffer> | Float32Array<SharedArrayBuffer> | FeatureFiles
  /** `count` class numbers, 0 ≤ label < classes */
  readonly labels: Uint8Array<SharedArrayBuffer>
}

/** Data of one run: immutable, shared by every engine worker of a process without a copy. */
export interface Dataset {
  readonly name: string
  /** shape of one sample, e.g. [28, 28, 1] */
  readonly shape: readonly number[]
  readonly classes: number
  /** per channel: a feature x becomes (x · scale − mean) / deviation before it enters the model; scale is 1/255 for bytes */
  readonly normalise: {
    readonly scale: number
    readonly mean: readonly number[]
    readonly deviation: readonly number[]
  }
  /** what a training sample goes through before normalisation: zero padding in pixels and random crop, horizontal flip */
  readonly augment: { readonly crop: number; readonly flip: boolean }
  readonly train: Split
  readonly test: Split
}

export interface DatasetInit {
  readonly cacheDirectory: string
  /** features may stay in files (`FeatureFiles`); a source that cannot do so loads them all the same */
  readonly stream?: boolean
  readonly signal?: AbortSignal
  /** progress, as sentences */
  readonly report?: (message: string) => void
}

/** Where data come from. A user's module exports one as `default` or by name. */
export interface DatasetSource {
  readonly name: string
  readonly describe: string
  /**
   * Reads the data, from a cache directory where there is one. Errors: `missing` when a file is not there, `corrupt` when
   * it is not what it should be.
   */
  load(init: DatasetInit): Promise<Dataset>
  /**
   * Says where the data are and reads none of them; `missing` counts the bytes that `load` would fetch first. Left out where
   * nothing has to be there. Errors as those of `load`.
   */
  find?(init: Pick<DatasetInit, 'cacheDirectory'>): Promise<{ readonly where: string; readonly missing: number }>
}
