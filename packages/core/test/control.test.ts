import {
  CONTROL_LIMIT,
  controlAnswers,
  controlMessages,
  controlRequests,
  DERIVED_LIMIT,
  LOSS_LIMIT,
  MEMBERS_LIMIT,
  parseCheckpointRecord,
  PeergradError,
  type ControlAnswer,
  type ControlMessage,
  type RunManifest
} from '@peergrad/core'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'

const run = 'a'.repeat(64)
const digest = '0123456789abcdef'.repeat(4)
const peer = '12D3KooWAeu67XS6YJgXn1aEMrNe5AtQGJhW1tdTtjWSroXbJHXr'
const manifest: ControlMessage = {
  kind: 'manifest',
  run,
  round: 3,
  digest,
  words: 421642,
  length: 421642,
  samples: 64,
  loss: 0.25,
  life: 7
}
const packr = new Packr({ useRecords: false })

describe('control messages', () => {
  it('come out as they went in', () => {
    const contribution = { peer, round: 3, digest, words: 10, length: 10, samples: 1, loss: -0.5 }
    const proposal = { contributions: [contribution], members: [peer], retired: [], evidence: [], finish: true }
    const messages: ControlMessage[] = [
      manifest,
      { ...manifest, links: Uint8Array.of(0, 255, 3) },
      { kind: 'prepare', run, round: 0, ballot: 5 },
      { kind: 'promise', run, round: 0, ballot: 5, accepted: null },
      { kind: 'promise', run, round: 0, ballot: 5, accepted: { ballot: 1, proposal, outcome: digest } },
      { kind: 'propose', run, round: 1, ballot: 0, proposal, outcome: null },
      { kind: 'propose', run, round: 1, ballot: 0, proposal: { ...proposal, ring: [0] }, outcome: null },
      { kind: 'accept', run, round: 1, ballot: 0, proposal: digest, outcome: digest },
      { kind: 'leave', run, round: 9 },
      { kind: 'suspicions', run, number: 3, peers: [peer] }
    ]
    for (const message of messages) expect(controlMessages.decode(controlMessages.encode(message))).toEqual(message)
  })

  it.each([
    ['digest', { ...manifest, digest: 'ABC' }],
    ['loss', { ...manifest, loss: NaN }],
    ['loss', { ...manifest, loss: 'low' }],
    ['loss', { ...manifest, loss: 1.7e308 }],
    ['loss', { ...manifest, loss: -1.7e308 }],
    ['round', { ...manifest, round: -1 }],
    ['round', { ...manifest, round: 1.5 }],
    ['length', { ...manifest, length: 2 ** 31 }],
    ['samples', { ...manifest, samples: -1 }],
    ['links', { ...manifest, links: new Uint8Array(257) }],
    ['run', { ...manifest, run: '' }],
    ['kind', { ...manifest, kind: 'constructor' }],
    ['value', { ...manifest, extra: 1 }],
    ['value', [manifest]],
    ['value', null],
    ['peers', { kind: 'failed', run, round: 0, ballot: 0, peers: Array(2000).fill('abcdefghijklmnop') }],
    ['peers.0', { kind: 'failed', run, round: 0, ballot: 0, peers: ['../../etc/passwd'] }]
  ])('refuses a wrong %s', (field, message) => {
    const bytes = packr.pack(message)
    expect(() => controlMessages.decode(bytes)).toThrow(
      expect.objectContaining({ code: 'corrupt', message: expect.stringContaining(field) as string })
    )
  })

  it('hold a proposal of 600 peers, and of contributors that are in no next view', () => {
    const peers = Array.from({ length: 600 }, (_, index) => peer.slice(0, -4) + String(1000 + index))
    const contributions = peers.map((peer, index) => ({
      peer,
      round: 3,
      digest: String(index).padStart(64, 'f'),
      words: index === 8 ? 5 : 10,
      length: index === 7 ? 11 : 10,
      samples: 0xffff_ffff - index,
      loss: index === 0 ? -0 : index / 3
    }))
    const proposal = {
      contributions,
      members: peers.slice(300).reverse(),
      retired: peers.slice(0, 2),
      evidence: [],
      finish: false
    }
    const message: ControlMessage = { kind: 'propose', run, round: 3, ballot: 0, proposal, outcome: null }
    expect(controlMessages.decode(controlMessages.encode(message))).toEqual(message)
    const answer = { kind: 'decided' as const, decision: { ballot: 0, proposal, outcome: digest }, accepts: [] }
    expect(controlAnswers.decode(controlAnswers.encode(answer))).toEqual(answer)
    const empty: ControlMessage = { ...message, proposal: { ...proposal, contributions: [] } }
    expect(controlMessages.decode(controlMessages.encode(empty))).toEqual(empty)
  })

  it('hold no losses of which a sum over samples is not finite', () => {
    const proposal = { members: [peer], retired: [], evidence: [], finish: true }
    const contribution = { peer, round: 3, digest, words: 10, length: 10, samples: 0xffff_ffff }
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 9 }), (losses) => {
        const contributions = losses.map((loss) => ({ ...contribution, loss }))
        const message: ControlMessage = {
          kind: 'propose',
          run,
          round: 3,
          ballot: 0,
          proposal: { ...proposal, contributions },
          outcome: null
        }
        const bytes = controlMessages.encode(message)
        const sum = losses.reduce((sum, loss) => sum + MEMBERS_LIMIT * 0xffff_ffff * loss, 0)
        if (losses.every((loss) => Math.abs(loss) <= LOSS_LIMIT)) {
          expect(sum).toSatisfy(Number.isFinite)
          expect(controlMessages.decode(bytes)).toEqual(message)
        } else expect(() => controlMessages.decode(bytes)).toThrow(/loss/)
      })
    )
  })

  it('hold what is said of as many vectors as one question may be about', () => {
    const labels = Array.from({ length: DERIVED_LIMIT }, (_, index) => String(index).padStart(64, 'x'))
    const question = (labels: string[]) => ({ kind: 'derived' as const, run, round: 3, ballot: 0, labels })
    expect(controlRequests.decode(controlRequests.encode(question(labels)))).toEqual(question(labels))
    expect(() => controlRequests.decode(packr.pack(question([...labels, 'more'])))).toThrow(/labels/)
    const most = 0x3fff_ffff
    const vectors = labels.map((label) => ({ label, digest, words: most, length: most }))
    const answer = { kind: 'derived' as const, vectors }
    expect(controlAnswers.decode(controlAnswers.encode(answer))).toEqual(answer)
  })

  it.each([
    ['an index of nobody', { rows: Buffer.alloc(46).fill(9) }],
    ['half a row', { rows: Buffer.alloc(40) }],
    ['rows that are text', { rows: 'a'.repeat(46) }],
    ['rows that are numbers', { rows: new Float64Array(46) }],
    ['more members than peers', { members: 3, peers: [] }],
    ['too few rounds', { rounds: [], rows: Buffer.alloc(46) }]
  ])('refuse a proposal with %s', (_, part) => {
    const packed = {
      peers: [peer],
      members: 1,
      rows: Buffer.alloc(46),
      rounds: [3],
      words: [10],
      lengths: [10],
      retired: [],
      evidence: [],
      finish: false
    }
    const proposal = { ...packed, ...part }
    const message = { kind: 'propose', run, round: 3, ballot: 0, proposal, outcome: null }
    const bytes = new Packr({ useRecords: false, moreTypes: true }).pack(message)
    expect(() => controlMessages.decode(bytes)).toThrow(
      expect.objectContaining({ code: 'corrupt', message: expect.stringContaining('proposal') as string })
    )
  })

  /** `{a: x, b: x}`, of x as often again: 13 bytes a level that are a value twice as large. */
  function doubled(depth: number): number[] {
    const id = [0, 0, 0, depth]
    return depth === 0 ? [0x01] : [0x92, 0xd6, 0x69, ...id, ...doubled(depth - 1), 0xd6, 0x70, ...id]
  }

  /** A list of 12,000 records of one field with a long name, which is said once. */
  function named(length: number): number[] {
    const name = [0x91, 0xda, length >> 8, length & 0xff, ...Array<number>(length).fill(0x61)]
    const others = Array.from({ length: 11_999 }, () => [0x40, 0x01]).flat()
    return [0xdc, 12_000 >> 8, 12_000 & 0xff, 0xd4, 0x72, 0x40, ...name, 0x01, ...others]
  }

  it.each([
    ['references to what stands before', [...doubled(30)]],
    ['references, and one byte more', [...doubled(30), 0x01]],
    // a record of one long name, and many of it
    ['a name said once and meant often, and one byte more', [...named(20_000), 0x01]],
    ['a message and one byte more', [...controlMessages.encode(manifest), 0x01]]
  ])('are no %s', (_what, bytes) => {
    // what is made of them is not said, or it would take gigabytes
    expect(bytes.length).toBeLessThan(65_536)
    expect(() => controlMessages.decode(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ code: 'corrupt' }))
  })

  it('ends in a typed error for any bytes', () => {
    const decoders = [controlMessages, controlRequests, controlAnswers]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(2), (bytes, index) => {
        try {
          decoders[index].decode(bytes)
          return false
        } catch (thrown) {
          return thrown instanceof PeergradError && thrown.code === 'corrupt'
        }
      }),
      { numRuns: 2000, examples: [[Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff), 0]] }
    )
  })

  it('ends in a typed error for any change of a good message', () => {
    const good = controlMessages.encode(manifest)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = good.slice()
        bytes[at] = value
        try {
          const { kind } = controlMessages.decode(bytes)
          return typeof kind === 'string'
        } catch (thrown) {
          return thrown instanceof PeergradError && thrown.code === 'corrupt'
        }
      }),
      { numRuns: 2000 }
    )
  })

  it('are at most 64 KiB, both ways', () => {
    expect(() => controlMessages.decode(new Uint8Array(CONTROL_LIMIT + 1))).toThrow(/expected at most 65536/)
    const members = Array.from({ length: 1000 }, () => peer.repeat(2))
    const lineage = { founder: peer, founded: 0 }
    const found = { kind: 'found' as const, run, lineage, view: { number: 0, members }, state: null }
    expect(() => controlRequests.encode(found)).toThrow(expect.objectContaining({ code: 'argument' }))
  })
})

const RUN_MANIFEST: RunManifest = {
  version: 6,
  maxNorm: 0,
  grace: 2000,
  onFailure: 'continue',
  model: 'mlp',
  dataset: 'mnist',
  partition: 'iid',
  strategy: 'spirt',
  aggregator: 'mean',
  preAggregators: [],
  filter: 'none',
  codec: 'f32',
  optimiser: { name: 'momentum', learningRate: 0.1, momentum: 0.9 },
  schedule: 'constant',
  workerMomentum: 0,
  batch: 4,
  minibatches: 2,
  every: 1,
  epochs: 1,
  rounds: 12,
  targetAccuracy: 0,
  seed: 1,
  peers: 2,
  minPeers: 1,
  deadline: 5000,
  admission: 'open'
}

describe('where a run was founded', () => {
  const welcome = {
    kind: 'welcome',
    manifest: RUN_MANIFEST,
    running: true,
    ready: true,
    resumed: null,
    credential: null
  }
  const founded = (at: number) => packr.pack({ ...welcome, lineage: { founder: peer, founded: at } })

  it.each([-1, -1e-300, NaN, Infinity])('is no time like %d', (at) => {
    const expected = expect.objectContaining({ code: 'corrupt', message: expect.stringContaining('founded') as string })
    expect(() => controlAnswers.decode(founded(at))).toThrow(expected)
    expect(controlAnswers.decode(founded(0))).toMatchObject({ kind: 'welcome', lineage: { founded: 0 } })
  })
})

describe('a state that is given to one who catches up', () => {
  const donation = (names: readonly string[], changes: number): ControlAnswer => ({
    kind: 'donation',
    round: 200,
    hash: digest,
    step: 200,
    lineage: { founder: peer, founded: 1 },
    view: { number: 120, members: [...names] },
    vectors: [{ digest, length: 1 }],
    position: {
      epoch: 0,
      start: 0,
      changes: Array.from({ length: changes }, (_, round) => ({ round, members: names.slice(round % 2) }))
    },
    evidence: [],
    guests: []
  })
  const names = (count: number) =>
    Array.from({ length: count }, (_, index) => `12D3KooW${String(index).padStart(44, 'x')}`)

  it.each([
    [16, 1000],
    [300, 40]
  ])('fits among %i peers after %i changes of the view in one epoch', (peers, changes) => {
    const given = donation(names(peers), changes)
    expect(controlAnswers.decode(controlAnswers.encode(given))).toEqual(given)
  })

  it('says nothing that a checkpoint cannot hold', () => {
    const number = fc.oneof({ weight: 3, arbitrary: fc.nat() }, fc.integer({ min: -1, max: 0 }), fc.double())
    const numbers = fc.record({
      founded: number,
      round: number,
      step: number,
      view: number,
      epoch: number,
      start: number
    })
    let given = 0
    fc.assert(
      fc.property(numbers, ({ founded, round, step, view: at, epoch, start }) => {
        const honest = packr.unpack(controlAnswers.encode(donation(names(2), 2))) as { position: object }
        const view = { number: at, members: names(2) }
        const position = { ...honest.position, epoch, start }
        const bytes = packr.pack({ ...honest, round, step, lineage: { founder: peer, founded }, view, position })
        let read: ControlAnswer
        try {
          read = controlAnswers.decode(bytes)
        } catch {
          return
        }
        if (read.kind !== 'donation') return expect.fail(read.kind)
        given += 1
        const { kind, vectors, evidence, guests, position: data, ...rest } = read
        expect([kind, evidence, guests]).toEqual(['donation', [], []])
        parseCheckpointRecord({
          position: { ...rest, run, manifest: RUN_MANIFEST, data, accuracy: 0, finished: false },
          vectors: vectors.map((vector) => ({ ...vector, name: 'model' }))
        })
      }),
      { numRuns: 3000 }
    )
    expect(given).toBeGreaterThan(30)
  })

  it('with a place that nobody has is refused', () => {
    const packed = packr.unpack(controlAnswers.encode(donation(names(2), 1))) as { position: { changes: object[] } }
    packed.position.changes = [{ round: 0, places: Uint8Array.of(0, 0, 7, 0) }]
    expect(() => controlAnswers.decode(packr.pack(packed))).toThrow(/position\.changes\.0\.members\.1/)
  })
})
