/**
 * Saves checkpoints one after the other until it is killed, and says so after each. Its argument is the
 * directory.
 */
import { Arena, systemClock } from '@peergrad/core'
import { Checkpoints } from '@peergrad/peer'
import { memoryStore } from '@peergrad/store'

const [directory, position] = [process.argv[2], JSON.parse(process.argv[3])]
// large enough that a kill hits the writing more often than not
const length = 1 << 18
const logger = { debug() {}, info() {}, warn() {}, error() {} }
const store = await memoryStore({ arena: Arena.create({ bytes: 64 << 20 }), clock: systemClock(), logger })
const layout = { slots: [{ name: 'kernel', shape: [length], offset: 0, length }], parameters: length, buffers: 0 }
const checkpoints = new Checkpoints({
  directory,
  every: 1,
  store,
  optimiser: position.manifest.optimiser,
  layout,
  logger,
  onSaved: ({ round }) => process.send({ saved: round })
})
for (let round = position.round; ; round++) {
  const keys = [`state:${round}`, `state:${round}:state:0`]
  for (const key of keys) {
    const lease = store.lease(length)
    lease.vector.fill(round)
    await store.put(key, lease)
  }
  await checkpoints.finish({ ...position, round })
  await store.delete(keys)
}
