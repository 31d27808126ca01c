import { Arena, virtualClock, type StoreDriver } from '@peergrad/core'
import { examine, judge, members, type CheckOptions, type Report, type Subject } from '../law.js'
import { storeLaws, type StoreUnderTest } from './laws.js'

export { storeLaws, type StoreUnderTest } from './laws.js'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * The laws of a store driver: what `GradientStore` says of keys, leases, expiry and budget, with the bits of core's kernels
 * in whatever it computes. Rejects with a report of those that do not hold. Its plug-ins are the built-in ones.
 */
export async function checkStore(subject: Subject<'store'>, check: CheckOptions = {}): Promise<Report> {
  const { who, create, watch } = await examine('store', subject, check)
  let peers = 0
  const open = () => opened(create(), `peer${String(peers++).padStart(12, '0')}`)
  return judge(who, [members(create), ...storeLaws(open)], watch)
}

/** What the driver opens for a peer of its own. */
async function opened(driver: StoreDriver, peer: string): Promise<StoreUnderTest> {
  const clock = virtualClock()
  const arena = Arena.create({ bytes: 16 << 20 })
  const store = await driver.open({ run: 'c'.repeat(64), peer, arena, clock, logger: silent })
  return { store, advance: (milliseconds) => clock.advance(milliseconds) }
}
