import { createHash } from 'node:crypto'
import { controlMessages, PeergradError, type Engine, type GradientStore, type Mesh, type Vector } from '@peergrad/core'
import type { SimulatedMesh } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise, type SimulatedPeer } from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

/** Serves other bytes than its digests say. */
const wrongDigest: Disguise = {
  mesh: (honest: Mesh) =>
    replace(honest, {
      serve: (digest, vector) =>
        honest.serve(digest, new Float32Array(new SharedArrayBuffer(vector.byteLength)) as Vector)
    })
}

/** Gives gradients that are no numbers, and says that they are. */
const notFinite: Disguise = {
  engine: (honest: Engine) =>
    replace(honest, {
      gradient: async (request) => {
        const result = await honest.gradient(request)
        request.into[7] = NaN
        return result
      }
    }),
  store: (honest: GradientStore) =>
    replace(honest, { verify: async (key) => ({ ...(await honest.verify(key)), firstNonFinite: -1 }) })
}

/** Announces vectors of another length than the model's. */
const wrongLength: Disguise = {
  mesh: (honest: Mesh) =>
    replace(honest, {
      announce: async (payload) => {
        const bytes = Buffer.from(payload)
        const at = bytes.indexOf('length') + 'length'.length
        // msgpack: cd is an unsigned 16-bit integer, 1500 here
        if (bytes.includes('manifest') && bytes[at] === 0xcd) bytes.writeUInt16BE(999, at + 1)
        await honest.announce(bytes)
      }
    })
}

/** Says a loss of which the sum over its samples is infinite. */
const enormousLoss: Disguise = {
  mesh: (honest: Mesh) =>
    replace(honest, {
      announce: (payload) => {
        const message = controlMessages.decode(payload)
        return honest.announce(
          message.kind === 'manifest' ? controlMessages.encode({ ...message, loss: 1.7e308 }) : payload
        )
      }
    })
}

/** Sends control messages that are no messages. */
const garbage: Disguise = {
  mesh: (honest: Mesh) =>
    replace(honest, {
      announce: async (payload) => {
        await honest.announce(payload)
        await honest.announce(Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]))
      }
    })
}

it('what is no message is refused as malformed', async () => {
  simulation = new Simulation({ rounds: 4, deadline: 300 })
  const [witness] = simulation.startAll({ 2: garbage })
  const refused = () =>
    witness!.events.find((event) => event.type === 'refused' && event.reason.startsWith('control message'))
  await simulation.when(() => refused() !== undefined)
  expect(refused()).toMatchObject({ other: peerName(2), offence: 'malformed' })
})

describe.each(['all-gather', 'spirt'])('%s with a codec that believes the bytes it is given', (strategy) => {
  const CODEC = `${import.meta.dirname}/../compliance/fixtures/codecs.mjs#counted`

  /** Packs this count in the place of the right one, and does not look at what others pack. */
  const counts = (count: number): Disguise => ({
    store: (honest: GradientStore) =>
      replace(honest, {
        async pack(request) {
          await honest.pack(request)
          const { vector, release } = await honest.get(request.to)
          const lie = honest.lease(vector.length)
          lie.vector.set(vector)
          new Uint32Array(lie.vector.buffer, lie.vector.byteOffset, 1)[0] = count
          release()
          await honest.delete([request.to])
          await honest.put(request.to, lie)
        },
        unpack(request) {
          const zeros = honest.lease(request.length)
          zeros.vector.fill(0)
          return honest.put(request.to, zeros)
        }
      })
  })

  /** What a worker that the codec does not give back is ended with. */
  const endless: Disguise = {
    store: (honest: GradientStore) =>
      replace(honest, {
        unpack: (request) =>
          honest.unpack(request).catch(() => {
            throw new PeergradError('crashed', 'codec counted did not end its work', { plugin: 'codec counted' })
          })
      })
  }

  it.each<[string, Disguise]>([
    ['throws', {}],
    ['does not end', endless]
  ])('ends no honest peer when it %s, and the sender is refused', async (_, honest) => {
    simulation = new Simulation({ codec: CODEC, strategy, rounds: 4, deadline: 400 })
    const peers = simulation.startAll({ 0: honest, 1: honest, 2: honest, 3: counts(0x7fffffff) }).slice(0, 3)
    const results = await simulation.until(Promise.all(peers.map(({ result }) => result)))
    expect(results.map(({ rounds }) => rounds)).toEqual([4, 4, 4])
    for (const { events } of peers)
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'refused', other: peerName(3), offence: 'malformed' })
      )
  })

  it('ends all honest peers with one model when it leaves values out', async () => {
    simulation = new Simulation({ codec: CODEC, strategy, rounds: 4, deadline: 400 })
    const peers = simulation.startAll({ 3: counts(0) }).slice(0, 3)
    const results = await simulation.until(Promise.all(peers.map(({ result }) => result)))
    expect(results.map(({ rounds }) => rounds)).toEqual([4, 4, 4])
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  })
})

describe.each(['spirt', 'all-reduce'])('%s with a hostile peer', (strategy) => {
  it.each([
    ['other bytes than their digest', 'rank 0', wrongDigest, 0],
    ['other bytes than their digest', 'rank 2', wrongDigest, 2],
    ['values that are not finite', 'rank 0', notFinite, 0],
    ['values that are not finite', 'rank 2', notFinite, 2],
    ['another length than the model has', 'rank 2', wrongLength, 2],
    ['a loss that no engine computes', 'rank 2', enormousLoss, 2],
    ['garbage', 'rank 2', garbage, 2]
  ] as const)('that sends %s (%s): it is refused and the rounds go on', async (_what, _rank, disguise, rank) => {
    simulation = new Simulation({ strategy, rounds: 4, deadline: 300 })
    const peers = simulation.startAll({ [rank]: disguise })
    const honest = peers.filter((_, index) => index !== rank)
    const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
    expect(results.map(({ rounds }) => rounds)).toEqual([4, 4, 4])
    // the coordinator fails in its own store and its process ends, before anybody reads what it has
    const seen = disguise === wrongDigest || disguise === enormousLoss || (disguise === notFinite && rank !== 0)
    if (seen) expect(refusals(honest)).toContain(peerName(rank))
    if (disguise !== garbage) expect(contributors(honest)).not.toContain(peerName(rank))
    expect(losses(honest)).toSatisfy((all: number[]) => all.every(Number.isFinite))
  })
})

it('a peer that computes such a loss itself ends by it', async () => {
  simulation = new Simulation({ rounds: 4, deadline: 300 })
  const diverged: Disguise = {
    engine: (honest: Engine) =>
      replace(honest, { gradient: async (request) => ({ ...(await honest.gradient(request)), loss: 1e39 }) })
  }
  const [first] = simulation.startAll({ 0: diverged })
  const [end] = await simulation.until(Promise.allSettled([first!.result]))
  expect(end).toMatchObject({ reason: { code: 'non-finite', message: expect.stringContaining('its loss of 1e+39') } })
})

it('what a rule draws depends on what all give, alike at every peer', async () => {
  const seedsOf = async (disguise: Disguise = {}) => {
    const seeds: number[] = []
    const records: Disguise = {
      store: (honest: GradientStore) =>
        replace(honest, {
          aggregate(request) {
            seeds.push(request.seed)
            return honest.aggregate(request)
          }
        })
    }
    simulation = new Simulation({ rounds: 1, aggregator: 'median' })
    simulation.startAll({ 0: records, 1: records, 2: disguise })
    await simulation.results()
    return seeds
  }
  const twice: Disguise = {
    engine: (honest: Engine) =>
      replace(honest, {
        gradient: async (request) => {
          const result = await honest.gradient(request)
          request.into.forEach((value, i) => (request.into[i] = 2 * value))
          return result
        }
      })
  }
  const [first, ...others] = await seedsOf()
  expect(others).toEqual([first])
  simulation.stop()
  expect(await seedsOf(twice)).not.toContain(first)
})

it('a coordinator that says that the run ends here is no longer heard in that round', async () => {
  const ending: Disguise = {
    mesh: (honest: Mesh) =>
      replace(honest, {
        announce(payload) {
          const message = controlMessages.decode(payload)
          if (message.kind !== 'propose' || message.round !== 2) return honest.announce(payload)
          return honest.announce(
            controlMessages.encode({ ...message, proposal: { ...message.proposal, finish: true } })
          )
        }
      })
  }
  simulation = new Simulation({ rounds: 6, deadline: 300 })
  const honest = simulation.startAll({ 0: ending }).slice(1)
  const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
  expect(results.map(({ rounds }) => rounds)).toEqual([6, 6, 6])
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
})

it('what a coordinator says of a peer that was not heard is no lie of that peer', async () => {
  const framed = peerName(2)
  const poison = new Float32Array(new SharedArrayBuffer(4 * 1500)).fill(NaN) as Vector
  const digest = createHash('sha256').update(new Uint8Array(poison.buffer)).digest('hex')
  const framing: Disguise = {
    mesh(honest: Mesh) {
      honest.serve(digest, poison)
      return replace(honest, {
        announce(payload) {
          const message = controlMessages.decode(payload)
          if (message.kind !== 'propose') return honest.announce(payload)
          const contributions = message.proposal.contributions.map((each) =>
            each.peer === framed ? { ...each, digest } : each
          )
          return honest.announce(
            controlMessages.encode({ ...message, proposal: { ...message.proposal, contributions } })
          )
        }
      })
    }
  }
  let asked = 0
  const deaf: Disguise = {
    mesh: (honest: Mesh) =>
      replace(honest, {
        on(event, listener) {
          if (event !== 'message') return honest.on(event, listener)
          return honest.on('message', (received) => {
            if (received.from === framed && controlMessages.decode(received.payload).kind === 'manifest') return
            ;(listener as (each: typeof received) => void)(received)
          })
        },
        fetch(request) {
          if (request.digest === digest) asked += 1
          return honest.fetch(request)
        }
      })
  }
  simulation = new Simulation({ rounds: 6, deadline: 300 })
  const honest = simulation.startAll({ 0: framing, 1: deaf }).slice(1)
  await simulation.until(Promise.all(honest.map(({ result }) => result)))
  // nobody makes what its owner did not announce
  expect(asked).toBe(0)
  expect(refusals(honest)).not.toContain(framed)
})

it('nor is what a coordinator says of the length of what a peer gives', async () => {
  const framed = peerName(2)
  let asked = 0
  const framing: Disguise = {
    mesh: (honest: Mesh) =>
      replace(honest, {
        announce(payload) {
          const message = controlMessages.decode(payload)
          if (message.kind !== 'propose') return honest.announce(payload)
          const contributions = message.proposal.contributions.map((each) =>
            each.peer === framed ? { ...each, words: 7 } : each
          )
          return honest.announce(
            controlMessages.encode({ ...message, proposal: { ...message.proposal, contributions } })
          )
        }
      })
  }
  const counts: Disguise = {
    mesh: (honest: Mesh) =>
      replace(honest, {
        fetch(request) {
          if (request.bytes === 28) asked += 1
          return honest.fetch(request)
        }
      })
  }
  simulation = new Simulation({ rounds: 6, deadline: 300, filter: 'top-k:share=0.3' })
  const honest = simulation.startAll({ 0: framing, 1: counts }).slice(1)
  await simulation.until(Promise.all(honest.map(({ result }) => result)))
  expect(asked).toBe(0)
  const offences = honest.flatMap(({ mesh }) => (mesh as SimulatedMesh).offences)
  expect(offences.filter(({ peer }) => peer === framed)).toEqual([])
})

it('what a peer says of the length of what another one gives is no lie of that one', async () => {
  const [framed, liar] = [peerName(1), 2]
  let digest: string | undefined
  let asked = 0
  const lies: Disguise = {
    mesh(honest: Mesh) {
      honest.on('message', ({ from, payload }) => {
        const message = controlMessages.decode(payload)
        if (from === framed && message.kind === 'manifest') digest = message.digest
      })
      return replace(honest, {
        announce(payload) {
          const message = controlMessages.decode(payload)
          const lie = message.kind === 'manifest' && digest !== undefined && { ...message, digest, words: 7 }
          return honest.announce(lie ? controlMessages.encode(lie) : payload)
        }
      })
    }
  }
  const counts: Disguise = {
    mesh: (honest: Mesh) =>
      replace(honest, {
        fetch(request) {
          if (request.bytes === 28) asked += request.from.filter((peer) => peer === framed).length
          return honest.fetch(request)
        }
      })
  }
  simulation = new Simulation({ rounds: 12, deadline: 300, filter: 'top-k:share=0.3' })
  const honest = simulation.startAll({ 0: counts, [liar]: lies, 3: counts }).filter((_, rank) => rank !== liar)
  const results = await simulation.until(Promise.all(honest.map(({ result }) => result)))
  expect(asked).toBeGreaterThan(0)
  expect(results.map(({ rounds }) => rounds)).toEqual([12, 12, 12])
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  const offences = honest.flatMap(({ mesh }) => (mesh as SimulatedMesh).offences)
  expect(offences.filter(({ peer }) => peer !== peerName(liar))).toEqual([])
})

function refusals(peers: SimulatedPeer[]): string[] {
  return peers.flatMap(({ events }) => events.flatMap((event) => (event.type === 'refused' ? [event.other] : [])))
}

function contributors(peers: SimulatedPeer[]): string[] {
  return peers.flatMap(({ events }) => events.flatMap((event) => (event.type === 'round' ? event.contributors : [])))
}

function losses(peers: SimulatedPeer[]): number[] {
  return peers.flatMap(({ events }) => events.flatMap((event) => (event.type === 'round' ? [event.loss] : [])))
}

describe('a peer of another run', () => {
  it('is refused with the field that differs', async () => {
    simulation = new Simulation({ peers: 2 })
    simulation.start(peerName(0))
    const other = simulation.start(peerName(1), { manifest: { ...simulation.manifest, batch: 64 } })
    await expect(simulation.until(other.result)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('the runs differ at "batch": got 4, expected 64') as string
    })
  })

  it('is told when nobody is there', async () => {
    simulation = new Simulation({ peers: 2 })
    const first = simulation.start(peerName(0))
    await expect(simulation.until(first.result)).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('got 1 of 2 peers within 60 s') as string
    })
  })
})
