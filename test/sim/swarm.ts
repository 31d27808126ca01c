export * from '@peergrad/conformance/simulation'
import type { SimulatedPeer } from '@peergrad/conformance/simulation'

/** Parameters and buffers that a peer holds at the end. */
export async function lastModel({ store }: SimulatedPeer): Promise<number[]> {
  const states = (await store.keys('state:')).map((key) => Number(key.split(':')[1]))
  const lease = await store.get(`state:${Math.max(...states)}`)
  const model = [...lease.vector]
  lease.release()
  return model
}
