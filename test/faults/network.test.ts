import { afterEach, describe, expect, it, vi } from 'vitest'
import { Cables } from './cables.js'
import { ALL, exchanging } from './strategies.js'
import { RealSwarm } from './swarm.js'
import { nameOf, TransportWires, type Wires } from './wires.js'

// several processes that each load libp2p: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 150_000 })

const MEGABIT = 125_000
const impossible = Cables.impossible()
const how =
  impossible === undefined ? 'network namespaces' : `transports, for this machine has no cables: ${impossible}`
const strategies = await exchanging('spirt')

let wires: Wires | undefined
let swarm: RealSwarm | undefined
afterEach(async () => {
  await swarm?.close()
  await wires?.close()
})

async function start<T extends Wires>(strategy: string, peers: number, laid: T): Promise<[RealSwarm, T]> {
  wires = laid
  swarm = await RealSwarm.start({ strategy, peers, place: (number) => laid.place(number) })
  return [swarm, laid]
}

describe.each(strategies)(`%s on a network that breaks, by ${how}`, (strategy) => {
  const lay = (peers: number): Promise<Wires> =>
    impossible === undefined ? Cables.lay(peers) : TransportWires.lay(peers)

  it('in two: the larger part goes on, the smaller one pauses, and both are one when it heals', async () => {
    const [swarm, wires] = await start(strategy, 5, await lay(5))
    const [smaller, larger] = [
      [0, 3].map((number) => swarm.peer(number)),
      [1, 2, 4].map((number) => swarm.peer(number))
    ]
    await wires.part([0, 3])
    await swarm.whole(larger)
    await swarm.when('the smaller part pauses', () => smaller.every((life) => life.last('paused') !== undefined))
    const before = smaller.map((life) => life.last('round')?.event.round)
    await swarm.progress(5, larger)
    expect(smaller.map((life) => life.last('round')?.event.round)).toEqual(before)
    await wires.join()
    await swarm.whole()
    await swarm.finish()
  })

  const slow = async () => {
    const [swarm, wires] = await start(strategy, 3, await lay(3))
    await wires.slow(2, MEGABIT)
    await swarm.progress(5)
    expect(swarm.suspicions).toEqual([])
    // a vector is 80 kB, and at least two of them pass the link in each round
    expect(swarm.peer(2).last('round')?.event.seconds).toBeGreaterThan(1)
    await swarm.whole()
    await swarm.finish()
  }
  // half a minute of its own
  if (ALL) it('by getting slow, 1 Mbit/s to one peer: it is waited for, and nobody suspects it', slow)
})

// what tc needs netem for, which is not in every kernel
describe.each(strategies)('%s on a network that breaks, by transports', (strategy) => {
  it('by losing, delaying and jittering: all go on, and nobody suspects anybody', async () => {
    const [swarm, { control }] = await start(strategy, 3, await TransportWires.lay(3))
    const bad = { remote: '*', delay: 40, jitter: 40, loss: 0.01 }
    await Promise.all([0, 1, 2].map((number) => control.set(nameOf(number), [bad])))
    await swarm.progress(5)
    expect(swarm.suspicions).toEqual([])
    await swarm.whole()
    await swarm.finish()
  })

  const oneWay = async () => {
    const [swarm, { control }] = await start(strategy, 4, await TransportWires.lay(4))
    await control.set(nameOf(1), [{ remote: nameOf(2), direction: 'out', block: true }])
    const others = [0, 3].map((number) => swarm.peer(number))
    // the two may each take the other for gone, which no majority does
    await swarm.progress(20, others)
    await control.heal()
    await swarm.whole()
    await swarm.finish()
  }
  // on the virtual clock each time
  if (ALL) it('one way, from one peer to one other: all go on, and are one when it heals', oneWay)
})
