import { controlMessages, resolveOptions, type Mesh } from '@peergrad/core'
import type { SimulatedMesh } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'
import { checkComponents } from '../../packages/cli/src/compose.js'
import { readLinkPlan } from '../../packages/cli/src/simulate/links.js'
import { measureRun } from '../../packages/cli/src/simulate/run.js'
import { simulatedManifest } from '../../packages/cli/src/simulate/simulate.js'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise } from './swarm.js'

const PEERS = 8
/** Two sites whose peers joined in turn. */
const site = (rank: number) => rank % 2
const FAR = 50

/** `peergrad simulate` between the sites. */
async function betweenSites(strategy: string, far = FAR) {
  const { options } = resolveOptions({ flags: { strategy, peers: String(PEERS) } })
  const manifest = simulatedManifest(options, 2)
  const parts = await checkComponents(manifest, options)
  const links = Array.from({ length: PEERS }, (_, a) => a).flatMap((a) =>
    Array.from({ length: a }, (_, b) => b)
      .filter((b) => site(a) !== site(b))
      .map((b) => ({ between: [b, a], latency: far }))
  )
  const plan = readLinkPlan({ links }, { latency: 2, bandwidth: 100 })
  return measureRun({ manifest, parts, links: plan, floats: 1000, compute: 50 })
}

describe('a ring between two sites', () => {
  it('goes over the few links that it must, and so takes less than half of the time that it would by rank', async () => {
    const [measured, byRank] = [await betweenSites('ring'), await betweenSites('ring:order=rank')]
    expect(measured.seconds).toBeLessThan(byRank.seconds / 2)
    expect(measured.bytes).toEqual(byRank.bytes)
    expect(await betweenSites('ring')).toEqual(measured)
  })

  it('ends with the bits that it has by rank when the sites are next to each other', async () => {
    const [measured, byRank] = [await betweenSites('ring', 2), await betweenSites('ring:order=rank', 2)]
    expect(measured.parametersHash).toBe(byRank.parametersHash)
    expect(measured.seconds).toBe(byRank.seconds)
  })
})

it('a majority that has the outcome long before the others hands it to them, each to one of them', async () => {
  const floats = 8
  const { options } = resolveOptions({ flags: { strategy: 'ring', peers: '64' } })
  const manifest = simulatedManifest(options, 1)
  const parts = await checkComponents(manifest, options)
  const links = readLinkPlan({}, { latency: 10, bandwidth: 100 })
  // of so many more peers than parts most have all parts when these are still under way to the rest
  const { bytes, formula } = await measureRun({ manifest, parts, links, floats, compute: 50 })
  expect(bytes.worst).toBeGreaterThan(formula.worst)
  expect(bytes.worst).toBeLessThanOrEqual(formula.worst + 4 * floats)
})

let simulation: Simulation
afterEach(() => simulation?.stop())
const latency = (from: string, to: string) => (from.charCodeAt(4) % 2 === to.charCodeAt(4) % 2 ? 1 : FAR)

describe('in a ring', () => {
  it('says of each sum and mean to who comes next, and to nobody else', async () => {
    const announced: string[] = []
    const told: string[] = []
    const mesh = (honest: Mesh) =>
      replace(honest, {
        announce: async (payload) => {
          announced.push(controlMessages.decode(payload).kind)
          return honest.announce(payload)
        },
        tell: (peer, payload) => {
          told.push(`${honest.self} ${peer}`)
          honest.tell(peer, payload)
        }
      })
    simulation = new Simulation({ strategy: 'ring', peers: 6, rounds: 3 }, { latency })
    simulation.startAll(Object.fromEntries(Array.from({ length: 6 }, (_, index) => [index, { mesh }])))
    await simulation.results()
    expect(new Set(announced)).toEqual(new Set(['manifest', 'propose', 'accept']))
    // in each round of six peers each hands on five sums and five means
    expect(told).toHaveLength(3 * 6 * 10)
    expect(new Set(told).size).toBe(6)
  })

  it('a message that wants a signature is none when it comes without', async () => {
    let run = ''
    const mesh = (honest: Mesh) =>
      replace(honest, {
        announce: async (payload) => {
          run = controlMessages.decode(payload).run
          return honest.announce(payload)
        }
      })
    simulation = new Simulation({ strategy: 'ring', peers: 3, rounds: 4 })
    const [liar, victim] = simulation.startAll({ 0: { mesh } })
    await simulation.when(() => victim.events.some((event) => event.type === 'round'))
    liar.mesh.tell(victim.name, controlMessages.encode({ kind: 'leave', run, round: 3 }))
    liar.mesh.tell(victim.name, Uint8Array.of(1, 2, 3))
    const results = await simulation.results()
    expect(results.map(({ rounds, members }) => [rounds, members.length])).toEqual(Array(3).fill([4, 3]))
    expect((victim.mesh as SimulatedMesh).offences.map(({ offence }) => offence)).toEqual(['malformed', 'malformed'])
  })
})

describe('whatever is said of links', () => {
  const says = (links: Uint8Array): Disguise => ({
    mesh: (honest: Mesh) =>
      replace(honest, {
        announce: async (payload) => {
          const message = controlMessages.decode(payload)
          const lie = message.kind === 'manifest' ? controlMessages.encode({ ...message, links }) : payload
          await honest.announce(lie)
        }
      })
  })

  it.each([
    ['that all are good', new Uint8Array(6)],
    ['that all are bad', new Uint8Array(6).fill(254)],
    ['something of another view', new Uint8Array(200)]
  ])('a peer that says %s makes the ring slower at most', async (_what, links) => {
    simulation = new Simulation({ strategy: 'ring', peers: 6, rounds: 4 }, { latency })
    const peers = simulation.startAll({ 3: says(links) })
    const results = await simulation.results()
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.map(({ rounds }) => rounds)).toEqual(Array(6).fill(4))
    for (const { events } of peers)
      for (const event of events)
        if (event.type === 'round') expect([event.attempt, event.contributors.length]).toEqual([0, 6])
  })

  it('a coordinator whose ring leaves somebody out is not followed', async () => {
    const mesh = (honest: Mesh) =>
      replace(honest, {
        announce: async (payload) => {
          const message = controlMessages.decode(payload)
          if (message.kind !== 'propose') return honest.announce(payload)
          const proposal = { ...message.proposal, ring: [0, 1, 2, 3, 4, 4] }
          return honest.announce(controlMessages.encode({ ...message, proposal }))
        }
      })
    simulation = new Simulation({ strategy: 'ring', peers: 6, rounds: 4 }, { latency })
    const honest = simulation.startAll({ 0: { mesh } }).slice(1)
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
    // its proposal is refused before anybody tries it
    const rounds = honest[0].events.filter((event) => event.type === 'round')
    expect(rounds.map(({ attempt, contributors }) => [attempt, contributors.length])).toEqual(Array(4).fill([0, 5]))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.map(({ rounds }) => rounds)).toEqual(Array(5).fill(4))
  })

  it('a ring that is in no order of ranks goes on when one of it dies', async () => {
    simulation = new Simulation({ strategy: 'ring', peers: 6, rounds: 8 }, { latency })
    const peers = simulation.startAll()
    await simulation.when(() => peers[0].events.some((event) => event.type === 'round' && event.round === 2))
    simulation.clock.after(130, () => simulation.kill(peerName(3)))
    await simulation.when(() => !simulation.peers.has(peerName(3)))
    const results = await simulation.results()
    expect(results.map(({ rounds, members }) => [rounds, members.length])).toEqual(Array(5).fill([8, 5]))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  })
})
