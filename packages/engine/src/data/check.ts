import { PeergradError, type Dataset, type FeatureFiles } from '@peergrad/core'

import { lengthOf } from './files.js'

/**
 * Error `shape` or `corrupt` when a data set, perhaps a user's, does not hold together; `missing` when a file of it is not
 * there.
 */
export async function checkDataset({ name, shape, classes, normalise, train, test }: Dataset): Promise<void> {
  checkNormalisation(name, shape.at(-1) ?? 1, normalise)
  const length = shape.reduce((product, size) => product * size, 1)
  for (const [half, { count, features, labels }] of Object.entries({ train, test })) {
    const what = `data: ${name}.${half}`
    const files = 'files' in features ? features : undefined
    const values = 'files' in features ? length * samplesOf(features) : features.length
    if ((!('files' in features) && !isShared(features)) || !isShared(labels)) {
      throw new PeergradError('shape', `${what} lies in memory of one thread, expected SharedArrayBuffers`)
    }
    if (count < 1 || values !== count * length || labels.length !== count) {
      const got = `${count} samples, ${values} values and ${labels.length} labels`
      throw new PeergradError('shape', `${what} has ${got}, expected ${length} values and a label for each sample`)
    }
    const wrong = labels.find((label) => label >= classes)
    if (wrong !== undefined) {
      throw new PeergradError('corrupt', `${what} has the label ${wrong}, expected one below ${classes}`)
    }
    if (files !== undefined) await checkFiles(what, files, length)
    if (features instanceof Float32Array) checkFinite(what, features, length)
  }
}

function checkNormalisation(name: string, channels: number, { mean, deviation }: Dataset['normalise']): void {
  for (const [which, values, above] of [
    ['mean', mean, -Infinity],
    ['deviation', deviation, 0]
  ] as const) {
    const fits = values.length === 1 || values.length === channels
    if (fits && values.every((value) => Number.isFinite(value) && value > above)) continue
    const expected = `one number or one for each of ${channels} channels${above === 0 ? ', above 0' : ''}`
    throw new PeergradError('shape', `data: ${name} has the ${which} [${values.join(', ')}], expected ${expected}`)
  }
}

function checkFinite(what: string, features: Float32Array, length: number): void {
  const at = features.findIndex((value) => !Number.isFinite(value))
  if (at < 0) return
  const message = `${what} holds ${features[at]} in sample ${Math.floor(at / length)}, expected finite numbers only`
  throw new PeergradError('non-finite', message)
}

function isShared({ buffer }: Uint8Array | Float32Array): boolean {
  return buffer instanceof SharedArrayBuffer
}

function samplesOf({ files }: FeatureFiles): number {
  return files.reduce((sum, { samples }) => sum + samples, 0)
}

async function checkFiles(what: string, { files, offset, stride }: FeatureFiles, length: number): Promise<void> {
  if (stride < length) {
    throw new PeergradError('shape', `${what} has a sample every ${stride} bytes, expected at least ${length}`)
  }
  for (const { path, samples } of files) {
    const [got, expected] = [await lengthOf(path), offset + (samples - 1) * stride + length]
    if (got >= expected) continue
    const message = `${path}: got ${got} bytes, expected at least ${expected} for ${samples} samples`
    throw new PeergradError('corrupt', message, { path })
  }
}
