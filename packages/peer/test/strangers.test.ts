import { createHash } from 'node:crypto'
import { optionsToManifest, processClock, resolveOptions, virtualClock, type VirtualClock } from '@peergrad/core'
import { MemoryNetwork, Swarm } from '@peergrad/peer'
import { beforeEach, describe, expect, it } from 'vitest'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const [A, B] = ['a'.repeat(16), 'b'.repeat(16)] as const

let clock: VirtualClock
let network: MemoryNetwork
/** `<peer> leaves <stranger>` and `<peer> refuses <stranger>` */
let said: string[]
beforeEach(() => {
  clock = virtualClock()
  network = new MemoryNetwork({ clock })
  said = []
})

/** A peer that waits for three others to begin a run of this seed with. */
function founds(peer: string, seed: number) {
  const own = processClock(clock)
  const mesh = network.join(peer, { clock: own })
  const manifest = optionsToManifest(resolveOptions({ flags: { peers: '4', seed: String(seed) } }).options)
  const swarm = new Swarm({ mesh, clock: own, logger, sha256, join: [], manifest })
  swarm.on('stranger', (met) => said.push(`${peer} leaves ${met.peer}`))
  swarm.on('refused', (met) => said.push(`${peer} refuses ${met.peer}`))
  swarm.gather({ deadline: 600_000, signal: new AbortController().signal }).catch(() => {})
  const dies = () => {
    network.kill(peer)
    own.drop()
  }
  return { mesh, swarm, dies }
}

/** What can be done at once is done before time goes on. */
async function pass(milliseconds: number): Promise<void> {
  const end = clock.now() + milliseconds
  const turn = () => new Promise(setImmediate)
  for (await turn(); (clock.next ?? Infinity) <= end; await turn()) clock.step()
  clock.advance(end - clock.now())
}

const leaves = () => said.filter((each) => each.includes('leaves'))

describe('a peer of another run', () => {
  it('is left by both sides, once each has heard of it', async () => {
    const [a] = [founds(A, 1), founds(B, 2)]
    void a.mesh.dial(`/memory/${B}`)
    await pass(4000)
    expect(new Set(said)).toEqual(new Set([`${A} refuses ${B}`, `${B} refuses ${A}`]))
    await pass(2000)
    expect(leaves().sort()).toEqual([`${A} leaves ${B}`, `${B} leaves ${A}`])
  })

  it('that comes back as one of this run meanwhile is not left', async () => {
    const [a, b] = [founds(A, 1), founds(B, 2)]
    void a.mesh.dial(`/memory/${B}`)
    await pass(4000)
    b.dies()
    const again = founds(B, 1)
    void again.mesh.dial(`/memory/${A}`)
    await pass(20_000)
    expect(leaves()).toEqual([])
    expect(a.swarm.ready).toEqual([B])
  })

  it('is none that founded the same run', async () => {
    const [a, b] = [founds(A, 1), founds(B, 1)]
    void a.mesh.dial(`/memory/${B}`)
    await pass(20_000)
    expect(said).toEqual([])
    expect([a.swarm.ready, b.swarm.ready]).toEqual([[B], [A]])
  })
})
