import { createHash } from 'node:crypto'
import {
  controlAnswers,
  controlMessages,
  PeergradError,
  type ControlAnswer,
  type ControlMessage,
  type GradientStore,
  type Mesh,
  type MeshEvents,
  type RunManifest
} from '@peergrad/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exchangeStrategies } from './matrix.js'
import { replace } from './replace.js'
import { spoilsOnce } from './spoils-once.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const at = (peer: SimulatedPeer, round: number) => () =>
  peer.events.some((event) => event.type === 'round' && event.round === round)
const happened = (peer: SimulatedPeer, type: string) => peer.events.filter((event) => event.type === type).length
const oneHash = (results: { parametersHash: string }[]) =>
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)

describe('a peer that is not as the others', () => {
  it('heals when it holds another model', async () => {
    simulation = new Simulation({ rounds: 40 })
    const peers = simulation.startAll({ 2: spoilsOnce() })
    oneHash(await simulation.results())
    expect(happened(peers[2], 'diverged')).toBe(1)
    expect(happened(peers[2], 'healed')).toBe(1)
    expect(happened(peers[0], 'diverged')).toBe(0)
  })

  it('takes the state anew before the next round when it hears of it after the last one', async () => {
    const { store: spoils } = spoilsOnce()
    const slow: Disguise = {
      store: (honest: GradientStore) => {
        const spoiling = spoils!(honest)
        return replace(spoiling, {
          delete: async (keys) => {
            if (happened(victim!, 'round') === 5) await new Promise<void>((done) => simulation.clock.after(200, done))
            await spoiling.delete(keys)
          }
        })
      }
    }
    simulation = new Simulation({ rounds: 40 })
    const [, , victim] = simulation.startAll({ 2: slow })
    oneHash(await simulation.results())
    expect(happened(victim!, 'diverged')).toBe(1)
    expect(happened(victim!, 'healed')).toBe(1)
  })

  it('does not say that it finished when that was in the last round', async () => {
    simulation = new Simulation({ rounds: 5 })
    const peers = simulation.startAll({ 2: spoilsOnce() })
    await expect(simulation.until(peers[2]!.result)).rejects.toMatchObject({ code: 'conflict' })
    expect(happened(peers[2]!, 'diverged')).toBe(1)
    oneHash(await simulation.until(Promise.all([0, 1, 3].map((index) => peers[index]!.result))))
  })

  it('keeps the state that all have when no vector comes through to three of four for a long time', async () => {
    let blocked = true
    const blocks: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          fetch: async (request) => {
            if (blocked) throw new PeergradError('unreachable', 'no byte comes through')
            return honest.fetch(request)
          }
        })
    }
    simulation = new Simulation({ rounds: 10, deadline: 3000 })
    const peers = simulation.startAll({ 1: blocks, 2: blocks, 3: blocks })
    simulation.clock.after(60_000, () => (blocked = false))
    oneHash(await simulation.results())
    for (const peer of peers) expect(happened(peer, 'healed')).toBe(0)
  })

  it.each([0, 2])('heals when the database of rank %i lost all that it held', async (number) => {
    let database: GradientStore | undefined
    const forgets: Disguise = { store: (honest: GradientStore) => (database = honest) }
    simulation = new Simulation({ rounds: 60 })
    const peers = simulation.startAll({ [number]: forgets })
    await simulation.when(at(peers[number], 5))
    await database!.delete(await database!.keys(''))
    const results = await simulation.results()
    oneHash(results)
    expect(results.every(({ status }) => status === 'finished')).toBe(true)
    expect(happened(peers[number], 'healed')).toBe(1)
  })

  it.each<[string, Partial<RunManifest>]>([
    ['its momentum', { workerMomentum: 0.9, optimiser: { name: 'sgd', learningRate: 0.1 } }],
    ['the state of its inner optimiser', { strategy: 'diloco' }]
  ])('heals when its database lost %s with all else, which nobody can give it', async (_what, manifest) => {
    let database: GradientStore | undefined
    const forgets: Disguise = { store: (honest: GradientStore) => (database = honest) }
    simulation = new Simulation({ rounds: 60, ...manifest })
    const peers = simulation.startAll({ 2: forgets })
    await simulation.when(at(peers[2], 5))
    await database!.delete(await database!.keys(''))
    const results = await simulation.results()
    oneHash(results)
    expect(results.every(({ status }) => status === 'finished')).toBe(true)
    expect(happened(peers[2], 'healed')).toBe(1)
  })

  it('heals when the strategy finds that the database lost a vector, though it has the state', async () => {
    let loses = false
    const forgets: Disguise = {
      store: (honest: GradientStore) =>
        replace(honest, {
          aggregate: async (request) => {
            if (!loses) return honest.aggregate(request)
            loses = false
            throw new PeergradError('missing', 'store: not on the server any more', { lost: true })
          }
        })
    }
    simulation = new Simulation({ rounds: 60 })
    const peers = simulation.startAll({ 2: forgets })
    await simulation.when(at(peers[2], 5))
    loses = true
    const results = await simulation.results()
    oneHash(results)
    expect(results.every(({ status }) => status === 'finished')).toBe(true)
    expect(happened(peers[2], 'healed')).toBe(1)
  })

  it('is not disturbed by what the round that it gave up writes only when it has the state', async () => {
    let name = ''
    let late = 0
    const lingers: Disguise = {
      store: (honest: GradientStore) =>
        replace(spoilsOnce().store!(honest), {
          aggregate: async (request) => {
            name = request.to.split(':')[2]!
            await honest.aggregate(request)
          },
          put: async (key, lease, options) => {
            await honest.put(key, lease, options)
            if (happened(victim!, 'diverged') === 0 || !/^state:\d+$/.test(key) || late > 0) return
            late += 1
            await honest.put(key.replace('state', 'round') + `:${name}`, await honest.get(key))
          }
        })
    }
    simulation = new Simulation({ rounds: 20 })
    const [, , victim] = simulation.startAll({ 2: lingers })
    oneHash(await simulation.results())
    expect(late).toBe(1)
    expect(happened(victim!, 'healed')).toBe(1)
  })

  it('waits for its own database as long as that stands still, and nobody takes the strategy for idle', async () => {
    let stands = true
    const slow: Disguise = {
      store: (honest: GradientStore) =>
        replace(honest, {
          average: async (keys, to) => {
            if (stands) await new Promise<void>((resolve) => simulation.clock.after(5000, resolve))
            stands = false
            return honest.average(keys, to)
          }
        })
    }
    simulation = new Simulation({ peers: 2, deadline: 2000 })
    simulation.startAll({ 1: slow })
    oneHash(await simulation.results())
    expect(stands).toBe(false)
  })

  it('ends with missing when it is alone and its database lost all that it held', async () => {
    let database: GradientStore | undefined
    simulation = new Simulation({ peers: 1, rounds: 1000 })
    const [alone] = simulation.startAll({ 0: { store: (honest: GradientStore) => (database = honest) } })
    await simulation.when(at(alone, 3))
    await database!.delete(await database!.keys(''))
    await expect(simulation.until(alone.result, { limit: 5000 })).rejects.toMatchObject({ code: 'missing' })
  })

  it.each([200, 700, 1500, 2500, 5000])('comes back after it heard and said nothing for %i ms', async (gap) => {
    let deaf = false
    const deafens: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          on: (type, listener) =>
            honest.on(type, (event) => {
              if (!deaf || type !== 'message') listener(event)
            }),
          announce: async (payload) => {
            if (!deaf) await honest.announce(payload)
          }
        })
    }
    simulation = new Simulation({ rounds: 60, deadline: 300 })
    const peers = simulation.startAll({ 2: deafens })
    await simulation.when(at(peers[0], 5))
    deaf = true
    simulation.clock.after(gap, () => (deaf = false))
    const results = await simulation.results()
    oneHash(results)
    expect(results.every(({ status }) => status === 'finished')).toBe(true)
  })
})

describe('a peer that takes the state anew in the middle of a round', () => {
  let said: { readonly at: number; readonly kind: ControlMessage['kind'] }[]
  beforeEach(() => (said = []))

  /** Five peers, of which the first, which proposes, takes its state anew once; `mesh` is what else is wrong with it. */
  function startAll(mesh: (honest: Mesh) => Partial<Mesh>): SimulatedPeer {
    simulation = new Simulation({ peers: 5, rounds: 20 })
    const disguise: Disguise = {
      ...spoilsOnce(),
      mesh: (honest: Mesh) =>
        replace(honest, {
          announce: (payload) => {
            said.push({ at: simulation.clock.now(), kind: controlMessages.decode(payload).kind })
            return honest.announce(payload)
          },
          ...mesh(honest)
        })
    }
    const victim = simulation.start(peerName(0), { milliseconds: 200, disguise })
    for (const index of [1, 2, 3, 4]) simulation.start(peerName(index), { milliseconds: 200 })
    return victim
  }
  const when = (peer: SimulatedPeer, type: string) => peer.events.find((event) => event.type === type)!.at

  it('says nothing more of that round until it has the state', async () => {
    const victim = startAll((honest) => ({
      request: async (peer, payload, options) => {
        if (Buffer.from(payload).includes('donate')) {
          await new Promise<void>((resolve) => simulation.clock.after(3000, resolve))
        }
        return honest.request(peer, payload, options)
      }
    }))
    oneHash(await simulation.results())
    const [from, to] = [when(victim, 'diverged'), when(victim, 'healed')]
    expect(said.filter(({ at }) => from < at && at < to)).toEqual([])
  })

  it('does not vote in it again before the grace is over, while it hears nothing of one of the others', async () => {
    const victim = startAll((honest) => ({
      on: (type, listener) =>
        honest.on(type, (event) => {
          const { from } = event as { readonly from?: string }
          if (type === 'request' || from !== peerName(4)) listener(event)
        })
    }))
    oneHash(await simulation.results())
    const healed = when(victim, 'healed')
    const after = said.filter(({ at, kind }) => at >= healed && kind !== 'suspicions')
    expect(after[0].at).toBeGreaterThanOrEqual(healed + simulation.manifest.grace)
  })
})

describe('too few', () => {
  it('gives up with quorum when no majority comes back', async () => {
    simulation = new Simulation({ peers: 2, rounds: 1000 })
    const [first] = simulation.startAll()
    await simulation.when(at(first, 3))
    simulation.kill(peerName(1))
    await expect(simulation.until(first.result)).rejects.toMatchObject({ code: 'quorum' })
    expect(happened(first, 'paused')).toBe(1)
  })

  it.each([0, 1])('goes on alone when peer %i of two says that it goes', async (leaver) => {
    simulation = new Simulation({ peers: 2, rounds: 60 })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 3))
    peers[leaver].leave.abort()
    const results = await simulation.results()
    expect(results.map(({ status }) => status).sort()).toEqual(['finished', 'left'])
    expect(results[1 - leaver].steps).toBe(60)
  })
})

describe.each(await exchangeStrategies())('%s, rounds that take longer than those who leave may vote', (strategy) => {
  it.each([
    [2, [0]],
    [2, [1]],
    [5, [0, 1, 2]]
  ])('of %i, %j leave: the others go on', async (count, leavers) => {
    simulation = new Simulation({ strategy, peers: count, rounds: 6 })
    const peers = Array.from({ length: count }, (_, index) => simulation.start(peerName(index), { milliseconds: 4000 }))
    await simulation.when(at(peers[count - 1]!, 1))
    for (const leaver of leavers) peers[leaver]!.leave.abort()
    const results = await simulation.results()
    const staying = results.filter((_, index) => !leavers.includes(index))
    oneHash(staying)
    expect(staying.map(({ status, members }) => [status, members.length])).toEqual(
      staying.map(() => ['finished', staying.length])
    )
    expect(leavers.map((leaver) => results[leaver]!.status)).toEqual(leavers.map(() => 'left'))
    const changed = peers[count - 1]!.events.find((event) => event.type === 'round' && event.contributors.length === 0)
    expect(changed).toMatchObject({ samples: 0 })
  })
})

/** A mesh on which nobody answers who is asked for the state. */
function givesNoState(honest: Mesh): Mesh {
  return replace(honest, {
    request: (peer, payload, options) => {
      if (!Buffer.from(payload).includes('donate')) return honest.request(peer, payload, options)
      return new Promise((_resolve, reject) => {
        options.signal?.addEventListener('abort', () => reject(PeergradError.from(options.signal?.reason)))
      })
    }
  })
}

describe('a newcomer', () => {
  it('that comes before the start, one more than asked for, is taken in', async () => {
    simulation = new Simulation({ peers: 4, rounds: 300 })
    simulation.startAll()
    simulation.start(peerName(4))
    const results = await simulation.results()
    oneHash(results)
    expect(results.every(({ members }) => members.length === 5)).toBe(true)
  })

  it('takes the state of the next one when a donor is where no run can be', async () => {
    let lies = 0
    const lied: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          request: async (peer, payload, options) => {
            const answer = await honest.request(peer, payload, options)
            if (lies > 0 || !Buffer.from(payload).includes('donate')) return answer
            lies += 1
            const donation = controlAnswers.decode(answer) as Extract<ControlAnswer, { kind: 'donation' }>
            const { position, view } = donation
            const changes = [...position.changes, { round: donation.round + 1000, members: view.members }]
            return controlAnswers.encode({ ...donation, position: { ...position, changes } })
          }
        })
    }
    simulation = new Simulation({ peers: 2, rounds: 300 })
    const [first] = simulation.startAll()
    await simulation.when(at(first, 3))
    const newcomer = simulation.start(peerName(2), { disguise: lied })
    oneHash(await simulation.results())
    expect(lies).toBe(1)
    expect(happened(newcomer, 'diverged')).toBe(0)
  })

  type Donation = Extract<ControlAnswer, { kind: 'donation' }>

  /** Peer 1 alone gives the newcomer a state as long as `others` may not, with what is changed of it. */
  function deceived(lie: (donation: Donation) => Donation, others: () => boolean) {
    const wrong = { digest: '', value: NaN, lies: 0 }
    const mesh = (honest: Mesh) =>
      replace(honest, {
        request: async (peer, payload, options) => {
          const liar = peer === peerName(1)
          if (!Buffer.from(payload).includes('donate')) return honest.request(peer, payload, options)
          if (!liar && !others()) throw new PeergradError('timeout', 'busy')
          const answer = await honest.request(peer, payload, options)
          if (!liar) return answer
          wrong.lies += 1
          return controlAnswers.encode(lie(controlAnswers.decode(answer) as Donation))
        },
        fetch: async (request) => {
          if (request.digest !== wrong.digest) return honest.fetch(request)
          request.into.fill(wrong.value)
          return { from: peerName(1), milliseconds: 1, lane: 'memory' }
        }
      })
    /** Of one of the vectors in the place of the true one. */
    const replaces = (vector: number, value: number) => (donation: Donation) => {
      const bytes = new Uint8Array(new Float32Array(donation.vectors[vector]!.length).fill(value).buffer)
      const digest = createHash('sha256').update(bytes).digest('hex')
      Object.assign(wrong, { digest, value })
      const vectors = donation.vectors.map((each, index) => (index === vector ? { ...each, digest } : each))
      return { ...donation, hash: vectors[0]!.digest, vectors }
    }
    return { disguise: { mesh } satisfies Disguise, replaces, wrong }
  }

  it.each([
    ['model', 0],
    ['moments', 1]
  ])('takes no %s that are no numbers, though their digest fits', async (_what, vector) => {
    const { disguise, replaces, wrong } = deceived(
      (donation) => replaces(vector, NaN)(donation),
      () => wrong.lies > 0
    )
    simulation = new Simulation({ peers: 2, rounds: 60 })
    const [first] = simulation.startAll()
    await simulation.when(at(first!, 3))
    const newcomer = simulation.start(peerName(2), { disguise })
    oneHash(await simulation.results())
    expect(wrong.lies).toBeGreaterThan(0)
    expect(happened(newcomer, 'healed')).toBe(1)
  })

  it.each([
    ['that its hash does not show', 1],
    ['with which no step can be made', -1]
  ])('takes moments %s once, and then from others', async (_what, value) => {
    const { disguise, replaces, wrong } = deceived(
      (donation) => replaces(2, value)(donation),
      () => wrong.lies > 0
    )
    simulation = new Simulation({ rounds: 60, optimiser: { name: 'adam', learningRate: 0.05 } })
    const peers = simulation.startAll()
    await simulation.when(at(peers[0], 3))
    const newcomer = simulation.start(peerName(4), { disguise })
    oneHash(await simulation.results())
    expect(wrong.lies).toBe(1)
    expect(happened(newcomer, 'healed')).toBe(2)
  })

  it.each([
    ['itself alone', [peerName(4)], 0],
    ['the donor and itself', [peerName(1), peerName(4)], 0],
    ['all, in a round to come', [0, 1, 2, 3, 4].map(peerName), 10_000]
  ])('that is told a view of %s finds the run by the beats of the others', async (_what, members, ahead) => {
    const { disguise, wrong } = deceived(
      ({ position, view, ...donation }) => ({
        ...donation,
        round: donation.round + ahead,
        view: { ...view, members },
        position: { ...position, start: donation.round + ahead, changes: [{ round: donation.round + ahead, members }] }
      }),
      () => wrong.lies > 0
    )
    simulation = new Simulation({ rounds: 150 })
    const peers = Array.from({ length: 4 }, (_, index) => simulation.start(peerName(index), { milliseconds: 100 }))
    await simulation.when(at(peers[0]!, 3))
    const newcomer = simulation.start(peerName(4), { disguise, milliseconds: 100 })
    const results = await simulation.results()
    oneHash(results)
    expect(results[0]!.members).toContain(peerName(4))
    expect(wrong.lies).toBe(1)
    expect(happened(newcomer, 'healed')).toBe(2)
  })

  it('can leave while it takes the state', async () => {
    simulation = new Simulation({ peers: 2, rounds: 1000 })
    const [first] = simulation.startAll()
    await simulation.when(at(first, 3))
    const newcomer = simulation.start(peerName(2), { disguise: { mesh: givesNoState } })
    await simulation.until(new Promise<void>((resolve) => simulation.clock.after(100, resolve)))
    newcomer.leave.abort()
    await expect(simulation.until(newcomer.result, { limit: 5000 })).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('a peer that cannot go on', () => {
  /** A network that answers nothing and then ends. */
  function ending(): { readonly disguise: Disguise; readonly end: () => void } {
    const listeners: ((event: MeshEvents['ended']) => void)[] = []
    const disguise: Disguise = {
      mesh: (honest: Mesh) =>
        replace(givesNoState(honest), {
          on: (type, listener) => {
            if (type === 'ended') listeners.push(listener as (typeof listeners)[number])
            return honest.on(type, listener)
          }
        })
    }
    const error = new PeergradError('crashed', 'the network thread ended')
    return { disguise, end: () => listeners.forEach((listener) => listener({ error })) }
  }

  it('says that its network ended while it waits for the others', async () => {
    const { disguise, end } = ending()
    simulation = new Simulation({ peers: 3 })
    const alone = simulation.start(peerName(0), { disguise })
    simulation.clock.after(1000, end)
    await expect(simulation.until(alone.result, { limit: 5000 })).rejects.toMatchObject({ code: 'crashed' })
  })

  it('says that its network ended while it takes the state', async () => {
    const { disguise, end } = ending()
    simulation = new Simulation({ peers: 2, rounds: 1000 })
    const [first] = simulation.startAll()
    await simulation.when(at(first!, 3))
    const newcomer = simulation.start(peerName(2), { disguise })
    simulation.clock.after(1000, end)
    await expect(simulation.until(newcomer.result, { limit: 5000 })).rejects.toMatchObject({ code: 'crashed' })
  })

  it('says so when its store is full, instead of trying for ever', async () => {
    const full: Disguise = {
      store: (honest: GradientStore) =>
        replace(honest, { aggregate: () => Promise.reject(new PeergradError('full', 'store: full')) })
    }
    simulation = new Simulation({ peers: 3 })
    const peers = simulation.startAll({ 0: full, 1: full, 2: full })
    for (const { result } of peers) await expect(simulation.until(result)).rejects.toMatchObject({ code: 'full' })
  })
})

describe('one hostile message', () => {
  /** Says something more, once, after round 2. */
  const says = (forge: (run: string, round: number) => ControlMessage): Disguise => {
    let said = false
    return {
      mesh: (honest: Mesh) =>
        replace(honest, {
          announce: async (payload) => {
            await honest.announce(payload)
            const message = controlMessages.decode(payload)
            const round = 'round' in message ? message.round : 0
            const { run } = message
            if (said || round < 3) return
            said = true
            await honest.announce(controlMessages.encode(forge(run, round)))
          }
        })
    }
  }
  const digest = 'f'.repeat(64)
  const proposal = (round: number) => ({
    contributions: [{ peer: peerName(3), round, digest, words: 1500, length: 1500, samples: 1, loss: 0 }],
    members: [peerName(3)],
    retired: [],
    evidence: [],
    finish: true
  })

  it.each<[string, (run: string, round: number) => ControlMessage]>([
    [
      'an outcome that nobody accepted, to be adopted',
      (run, round) => ({ kind: 'propose', run, round, ballot: 3, proposal: proposal(round), outcome: digest })
    ],
    ['a ballot far ahead', (run, round) => ({ kind: 'prepare', run, round, ballot: 0xffff_ffff })],
    [
      'a proposal with what nobody announced',
      (run, round) => ({
        kind: 'propose',
        run,
        round,
        ballot: 3,
        proposal: { ...proposal(round), contributions: [{ ...proposal(round).contributions[0], length: 7 }] },
        outcome: null
      })
    ],
    ['suspicions of everybody', (run) => ({ kind: 'suspicions', run, number: 1000, peers: [0, 1, 2].map(peerName) })],
    ['a leave, and goes on speaking', (run, round) => ({ kind: 'leave', run, round })],
    [
      'a failure of everybody',
      (run, round) => ({ kind: 'failed', run, round, ballot: 0, peers: [0, 1, 2].map(peerName) })
    ]
  ])('%s does not stop the others or change what they hold', async (_what, forge) => {
    simulation = new Simulation({ rounds: 12, deadline: 500 })
    const peers = simulation.startAll({ 3: says(forge) })
    const honest = peers.slice(0, 3)
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
    oneHash(results)
    expect(results.map(({ rounds }) => rounds)).toEqual([12, 12, 12])
    for (const peer of honest) expect(happened(peer, 'diverged')).toBe(0)
  })
})
