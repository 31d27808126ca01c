import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Internet, type Ports, type Site } from './internet.js'
import type { PeerProcess } from './process.js'
import { ALL } from './strategies.js'
import { RealSwarm, type RealSwarmInit } from './swarm.js'

// several processes that each load libp2p: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 150_000 })

const impossible = Internet.impossible()

let internet: Internet | undefined
let swarm: RealSwarm | undefined
afterEach(async () => {
  await swarm?.close()
  await internet?.close()
})

async function lay(sites: readonly Site[], ports?: Ports): Promise<Internet> {
  internet = await Internet.lay(sites, ports)
  return internet
}

async function start(on: Internet, init: Partial<RealSwarmInit> & { readonly peers: number }): Promise<RealSwarm> {
  swarm = await RealSwarm.start({ strategy: 'spirt', place: (number) => on.place(number), ...init })
  return swarm
}

/** Whether its log says so. */
const says = (life: PeerProcess, what: string) => readFileSync(life.log, 'utf8').includes(what)

describe.skipIf(impossible !== undefined)(`hosts${impossible === undefined ? '' : `: ${impossible}`}`, () => {
  it('in two private networks, behind routers that let nobody in, and a public one train MNIST to one hash', async () => {
    const run = { model: 'mlp', dataset: 'mnist', optimizer: 'adam', lr: 0.003, batch: 16, minibatches: 1 }
    const settings = { engine: 'wasm', memory: 128 << 20 } as const
    const swarm = await start(await lay(['public', 0, 0, 1], 'changed'), { peers: 4, run, settings })
    const [relay, ...hidden] = [0, 1, 2, 3].map((number) => swarm.peer(number))
    const all = () => hidden.every((life) => says(life, 'connected through a relay'))
    await swarm.when('those of one network reach those of the other', all)
    await swarm.progress(3)
    expect(says(relay!, 'it is reached through a relay')).toBe(false)
    expect(swarm.suspicions).toEqual([])
    await swarm.finish()
  })

  it('in two private networks, whose routers keep ports: they meet through both of them', async () => {
    const swarm = await start(await lay(['public', 0, 1]), { peers: 3 })
    const hidden = [1, 2].map((number) => swarm.peer(number))
    const met = 'direct connection through both routers'
    await swarm.when('the relay is done without', () => hidden.some((life) => says(life, met)))
    await swarm.progress(5)
    expect(swarm.suspicions).toEqual([])
    await swarm.finish()
  })

  const firewall = async () => {
    const internet = await lay(['public', 'public', 'public'])
    internet.firewall(1)
    const swarm = await start(internet, { peers: 2 })
    const walled = swarm.peer(1)
    await swarm.when('it has a relay', () => says(walled, 'it is reached through a relay'))
    swarm.start(2)
    await swarm.whole()
    await swarm.progress(3)
    await swarm.finish()
  }
  if (ALL) it('of which one drops what comes unasked: those who come later reach it all the same', firewall)

  it('of which one gets another address in mid-run: it is one of them again', async () => {
    const internet = await lay(['public', 'public', 'public', 'public'])
    const swarm = await start(internet, { peers: 4 })
    internet.move(2)
    await swarm.when('it notices', () => says(swarm.peer(2), 'the addresses of this machine changed'))
    await swarm.progress(10)
    await swarm.whole()
    await swarm.finish()
  })
})
