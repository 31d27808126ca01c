import { controlMessages, type Mesh, type MeshMessage, type RunEvent } from '@peergrad/core'
import type { SimulatedMesh } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const LIAR = 2

/** Announces a second contribution to one round, beside the first. */
const equivocates: Disguise = {
  mesh: (honest: Mesh) =>
    replace(honest, {
      announce: async (payload) => {
        await honest.announce(payload)
        const message = controlMessages.decode(payload)
        if (message.kind !== 'manifest' || message.round !== 4) return
        await honest.announce(controlMessages.encode({ ...message, digest: 'e'.repeat(64) }))
      }
    })
}

/** The message, so many bytes longer: the key `kind` stands twice, and the last one counts. */
function padded(payload: Uint8Array, bytes: number): Uint8Array {
  const wide = payload[0] === 0xde
  const count = (wide ? 256 * payload[1] + payload[2] : payload[0] & 0x0f) + 1
  const key = Buffer.from('\xa4kind', 'latin1')
  const text = Buffer.from([0xda, bytes >> 8, bytes & 0xff])
  const rest = payload.subarray(wide ? 3 : 1)
  return Buffer.concat([Buffer.from([0xde, count >> 8, count & 0xff]), key, text, Buffer.alloc(bytes, 'x'), rest])
}

/** Announces two contributions to one round, each in a message that is too long for a proof. */
const equivocatesAtLength: Disguise = {
  mesh: (honest: Mesh) =>
    replace(honest, {
      announce: async (payload) => {
        const message = controlMessages.decode(payload)
        if (message.kind !== 'manifest' || message.round !== 4) return honest.announce(payload)
        await honest.announce(padded(payload, 3000))
        await honest.announce(padded(controlMessages.encode({ ...message, digest: 'e'.repeat(64) }), 3000))
      }
    })
}

/** Hears nothing of what `deaf` names. */
const hearsNo = (deaf: (message: MeshMessage) => boolean): Disguise => ({
  mesh: (honest: Mesh) =>
    replace(honest, {
      on: ((type: 'message', listener: (event: MeshMessage) => void) =>
        honest.on(type, (event) => {
          if (type !== 'message' || !deaf(event)) listener(event)
        })) as Mesh['on']
    })
})

const all = <K extends RunEvent['type']>({ events }: SimulatedPeer, type: K) =>
  events.filter((event): event is (typeof events)[number] & { type: K } => event.type === type)
const offencesOf = (peer: SimulatedPeer, by: SimulatedPeer) =>
  (by.mesh as SimulatedMesh).offences.filter((offence) => offence.peer === peer.name).map(({ offence }) => offence)
/** The first round that a smaller view made. */
const droppedIn = (peer: SimulatedPeer) => all(peer, 'round').find(({ view }) => view === 1)?.round

describe('a peer that signs two contributions to one round', () => {
  it('is excluded by all in one round, with a proof that anybody can check, and hears why', async () => {
    simulation = new Simulation({ rounds: 10, deadline: 500 })
    const peers = simulation.startAll({ [LIAR]: equivocates })
    const honest = peers.filter((_, index) => index !== LIAR)
    await expect(simulation.until(peers[LIAR].result)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('this peer is excluded from the run') as string
    })
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    for (const [index, peer] of honest.entries()) {
      expect(results[index]).toMatchObject({ rounds: 10, members: honest.map(({ name }) => name) })
      const found = all(peer, 'excluded')
      expect(found).toMatchObject([{ other: peerName(LIAR), round: 4 }])
      const said = found[0].evidence.map((text) => {
        const { from, payload } = peer.mesh.open(Buffer.from(text, 'base64'))
        expect(from).toBe(peerName(LIAR))
        return controlMessages.decode(payload)
      })
      expect(said).toMatchObject([
        { kind: 'manifest', round: 4 },
        { kind: 'manifest', round: 4, digest: 'e'.repeat(64) }
      ])
      for (const { round, contributors } of all(peer, 'round'))
        if (round > 4) expect(contributors).not.toContain(peerName(LIAR))
      expect(peer.mesh.connected()).not.toContain(peerName(LIAR))
    }
    expect(new Set(honest.map(droppedIn)).size).toBe(1)
    // whoever hears the proof of another first need not see both itself
    expect(honest.some((peer) => all(peer, 'equivocated').length === 1)).toBe(true)
  })

  it('is excluded in the same round by one that learns of it with the proposal alone', async () => {
    simulation = new Simulation({ rounds: 10, deadline: 500 })
    const unaware = hearsNo(({ from, payload }) => {
      const message = controlMessages.decode(payload)
      const second = from === peerName(LIAR) && message.kind === 'manifest' && message.digest === 'e'.repeat(64)
      return message.kind === 'proof' || second
    })
    const peers = simulation.startAll({ [LIAR]: equivocates, 3: unaware })
    const honest = peers.filter((_, index) => index !== LIAR)
    await simulation.until(Promise.all(honest.map(({ result }) => result)))
    expect(all(peers[3], 'equivocated')).toEqual([])
    expect(all(peers[3], 'excluded')).toMatchObject([{ other: peerName(LIAR), round: 4 }])
    expect(new Set(honest.map(droppedIn)).size).toBe(1)
  })

  it('is excluded by all when only one of them saw both', async () => {
    simulation = new Simulation({ rounds: 10, deadline: 500 })
    const blind = hearsNo(({ from, payload }) => {
      const message = controlMessages.decode(payload)
      return from === peerName(LIAR) && message.kind === 'manifest' && message.digest === 'e'.repeat(64)
    })
    const peers = simulation.startAll({ [LIAR]: equivocates, 0: blind, 1: blind })
    const honest = peers.filter((_, index) => index !== LIAR)
    await simulation.until(Promise.all(honest.map(({ result }) => result)))
    expect(honest.map((peer) => all(peer, 'equivocated').length)).toEqual([0, 0, 1])
    expect(honest.map((peer) => all(peer, 'excluded').length)).toEqual([1, 1, 1])
    expect(new Set(honest.map(droppedIn)).size).toBe(1)
  })

  it('sets nobody at odds with others when both are too long for a proof: that round does without it', async () => {
    simulation = new Simulation({ rounds: 10, deadline: 500 })
    const peers = simulation.startAll({ [LIAR]: equivocatesAtLength })
    const honest = peers.filter((_, index) => index !== LIAR)
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    for (const peer of honest) {
      expect(all(peer, 'round').find(({ round }) => round === 4)?.contributors).toEqual(honest.map(({ name }) => name))
      for (const other of honest) expect(offencesOf(other, peer)).toEqual([])
      expect(offencesOf(peers[LIAR], peer)).toContain('malformed')
    }
  })

  it('leads a round as little as it gives to one: the others go on when it is the coordinator', async () => {
    simulation = new Simulation({ rounds: 10, deadline: 500 })
    const [first, ...honest] = simulation.startAll({ 0: equivocates })
    await expect(simulation.until(first.result)).rejects.toMatchObject({ code: 'refused' })
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.map(({ rounds }) => rounds)).toEqual([10, 10, 10])
  })

  it('is not taken in again, by newcomers neither, who get the proof with the state', async () => {
    simulation = new Simulation({ rounds: 60, deadline: 500 })
    const peers = simulation.startAll({ [LIAR]: equivocates })
    await simulation.when(() => all(peers[0], 'view').some(({ members }) => members.length === 3))
    // its network keeps no score, as after a restart: it must refuse by what it was told
    const disguise: Disguise = { mesh: (honest: Mesh) => replace(honest, { report: () => {} }) }
    const newcomer = simulation.start(peerName(5), { via: [peerName(0)], disguise })
    await simulation.when(() => all(peers[0], 'view').some(({ members }) => members.includes(peerName(5))))
    expect(all(newcomer, 'excluded')).toMatchObject([{ other: peerName(LIAR), round: 4 }])
    const back = simulation.start(peerName(LIAR), { via: [peerName(5), peerName(0)] })
    await expect(simulation.until(back.result)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('has no part in this run') as string
    })
    const honest = [peers[0], peers[1], peers[3], newcomer]
    await simulation.until(Promise.all(honest.map(({ result }) => result)))
    for (const peer of honest) expect(all(peer, 'view').at(-1)?.members).not.toContain(peerName(LIAR))
  })
})

describe('an honest peer is not excluded', () => {
  it.each<[string, (first: MeshMessage, second: MeshMessage) => [Uint8Array, Uint8Array]]>([
    ['one message twice', (first) => [first.envelope, first.envelope]],
    ['contributions to two rounds', (first, second) => [first.envelope, second.envelope]],
    ['what the accuser signed itself', (first) => [first.payload, first.payload]]
  ])('for a proof that is none: %s', async (_what, forge) => {
    const [victim, accuser] = [peerName(1), peerName(3)]
    let accused = false
    const accuses: Disguise = {
      mesh: (honest: Mesh) => {
        const heard: MeshMessage[] = []
        honest.on('message', (event) => {
          const message = controlMessages.decode(event.payload)
          if (event.from !== victim || message.kind !== 'manifest') return
          heard.push(event)
          if (heard.length < 2 || accused) return
          accused = true
          const envelopes = forge(heard[0], heard[1])
          void honest.announce(
            controlMessages.encode({ kind: 'proof', run: message.run, peer: victim, round: message.round, envelopes })
          )
        })
        return honest
      }
    }
    simulation = new Simulation({ rounds: 8 })
    const peers = simulation.startAll({ 3: accuses })
    const results = await simulation.results()
    expect(accused).toBe(true)
    for (const [index, peer] of peers.entries()) {
      expect(all(peer, 'excluded')).toEqual([])
      expect(results[index].members).toHaveLength(4)
      if (peer.name !== accuser) expect(offencesOf(peers[3], peer)).toEqual(['malformed'])
    }
  })

  it.each<[string, number, (peer: SimulatedPeer) => void]>([
    ['ten times slower than the others', 200, () => {}],
    ['late in every round', 700, () => {}],
    [
      'stopped for a while, again and again',
      20,
      ({ name }) => {
        for (const at of [1000, 8000, 15_000]) {
          simulation.clock.after(at, () => simulation.suspend(name))
          simulation.clock.after(at + 3000, () => simulation.resume(name))
        }
      }
    ],
    [
      'killed in the middle of a round, and back at once',
      20,
      ({ name }) =>
        simulation.clock.after(500, () => {
          simulation.kill(name)
          simulation.start(name)
        })
    ]
  ])('for being %s', async (_what, milliseconds, happens) => {
    simulation = new Simulation({ rounds: 40, deadline: 500 })
    const fast = [0, 1, 2].map((index) => simulation.start(peerName(index), { milliseconds: 20 }))
    const slow = simulation.start(peerName(3), { milliseconds })
    happens(slow)
    await simulation.until(Promise.all(fast.map(({ result }) => result)))
    for (const peer of simulation.lives) {
      expect(all(peer, 'excluded')).toEqual([])
      expect(all(peer, 'equivocated')).toEqual([])
      expect(offencesOf(slow, peer)).toEqual([])
    }
  })
})
