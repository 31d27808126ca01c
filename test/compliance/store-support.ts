import type { GradientStore, Vector } from '@peergrad/core'
import { words } from '../../packages/conformance/dist/store/vectors.js'

export { noise, put, shared, words as wordsOf } from '../../packages/conformance/dist/store/vectors.js'

/** A copy of what is there now. */
export async function read(store: GradientStore, key: string): Promise<Vector> {
  const lease = await store.get(key)
  const copy = new Float32Array(new SharedArrayBuffer(lease.vector.byteLength))
  words(copy).set(words(lease.vector))
  lease.release()
  return copy
}
