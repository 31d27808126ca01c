import { controlMessages, virtualClock, type ControlMessage, type Mesh, type PeerId } from '@peergrad/core'
import { MemoryNetwork } from '@peergrad/peer'
import { describe, expect, it } from 'vitest'
import { checkEvidence } from '../src/runtime/evidence.js'
import { EarlyMessages } from '../src/runtime/early-messages.js'
import { Derived } from '../src/runtime/derived.js'
import { Manifests } from '../src/runtime/manifests.js'

const [A, B] = ['peerAAAAAAAAAAAA', 'peerBBBBBBBBBBBB']
const RUN = 'a'.repeat(64)
type Announced = Extract<ControlMessage, { kind: 'manifest' }>
const MANIFEST: Announced = {
  kind: 'manifest',
  run: RUN,
  round: 3,
  digest: 'd'.repeat(64),
  words: 10,
  length: 10,
  samples: 8,
  loss: 0.5,
  life: 1
}

/** What A signs, as B has it. */
async function signed(...messages: ControlMessage[]): Promise<{ mesh: Mesh; envelopes: [Uint8Array, Uint8Array] }> {
  const clock = virtualClock()
  const network = new MemoryNetwork({ clock })
  const [a, b] = [network.join(A), network.join(B)]
  await b.dial(`/memory/${A}`)
  const envelopes: Uint8Array[] = []
  b.on('message', ({ envelope }) => envelopes.push(envelope))
  for (const message of messages) await a.announce(controlMessages.encode(message))
  clock.advance(1)
  return { mesh: b, envelopes: envelopes as [Uint8Array, Uint8Array] }
}

async function verdict(second: ControlMessage, { peer = A, run = RUN, round = 3 } = {}): Promise<string> {
  const { mesh, envelopes } = await signed(MANIFEST, second)
  try {
    checkEvidence({ peer, round, envelopes }, mesh, run)
    return 'proved'
  } catch (error) {
    return (error as Error).message
  }
}

describe('evidence', () => {
  it.each<[string, Partial<Announced>]>([
    ['digests', { digest: 'e'.repeat(64) }],
    ['samples', { samples: 9 }]
  ])('is two contributions of other %s to one round', async (_what, change) => {
    expect(await verdict({ ...MANIFEST, ...change })).toBe('proved')
  })

  const contradiction = { ...MANIFEST, digest: 'e'.repeat(64) }
  it.each<[string, ControlMessage, { peer?: PeerId; run?: string; round?: number }, string]>([
    ['the same said twice', MANIFEST, {}, 'do not contradict'],
    // who died and came back does not know what it said
    ['said in two lives', { ...contradiction, life: 2 }, {}, 'do not contradict'],
    ['of another round', { ...contradiction, round: 4 }, {}, 'round 4, expected 3'],
    ['of another run', { ...contradiction, run: 'b'.repeat(64) }, {}, 'another run'],
    ['against another run', contradiction, { run: 'b'.repeat(64) }, 'another run'],
    ['against another peer', contradiction, { peer: B }, `got a message of ${A}`],
    ['no contribution', { kind: 'leave', run: RUN, round: 3 }, {}, 'got leave']
  ])('is none when it is %s', async (_what, second, against, expected) => {
    expect(await verdict(second, against)).toContain(expected)
  })

  it('is none in a message that is longer than a proof can say', async () => {
    const { envelopes } = await signed(MANIFEST, contradiction)
    const mesh = { open: () => expect.fail('it was read') }
    const evidence = { peer: A, round: 3, envelopes: [envelopes[0], new Uint8Array(2049)] as [Uint8Array, Uint8Array] }
    const expected = expect.objectContaining({ code: 'corrupt', message: expect.stringContaining('2048') as string })
    expect(() => checkEvidence(evidence, mesh, RUN)).toThrow(expected)
  })

  it('has room for the longest contribution that can be announced', async () => {
    const most = 0xffff_ffff
    const size = { words: 0x3fff_ffff, length: 0x3fff_ffff, samples: most, loss: 0.1, life: most }
    const { envelopes } = await signed({ ...MANIFEST, ...size, round: most, links: new Uint8Array(256) })
    expect(envelopes[0].byteLength).toBeLessThan(2048 - 512)
  })

  it('is none with a byte changed', async () => {
    const { mesh, envelopes } = await signed(MANIFEST, contradiction)
    for (let at = 0; at < envelopes[1].byteLength; at += 7) {
      const changed = envelopes[1].slice()
      changed[at] ^= 1
      const evidence = { peer: A, round: 3, envelopes: [envelopes[0], changed] as [Uint8Array, Uint8Array] }
      expect(() => checkEvidence(evidence, mesh, RUN)).toThrow(expect.objectContaining({ code: 'corrupt' }))
    }
  })
})

describe('what one peer can make another one keep', () => {
  const message = (round: number, bytes = 300) => ({
    message: { ...MANIFEST, round },
    envelope: new Uint8Array(bytes)
  })

  it('of rounds to come is two rounds, 1,024 messages and 256 KiB', () => {
    const many = new EarlyMessages()
    for (let i = 0; i < 2000; i++) many.keep(A, message(5, 200), 4)
    many.keep(A, message(7), 4)
    many.keep(B, message(5), 4)
    expect(many.take(5).map(({ from }) => from)).toEqual([...Array<string>(1024).fill(A), B])
    const large = new EarlyMessages()
    for (let i = 0; i < 10; i++) large.keep(A, message(5, 60_000), 4)
    expect(large.take(5)).toHaveLength(4)
  })

  it('of rounds to come is nothing when 1,024 peers are there already', () => {
    const early = new EarlyMessages()
    for (let i = 0; i < 2000; i++) early.keep(`peer${i}`, message(5), 4)
    early.keep('peer3', message(5), 4)
    expect(early.take(5)).toHaveLength(1025)
  })

  it('of rounds to come is 16 KiB of each, and 16 MiB beyond that of all', () => {
    const early = new EarlyMessages()
    const large = message(5, 120_000)
    const said = (round: number) => early.take(round).reduce((sum, { envelope }) => sum + envelope.byteLength, 0)
    const fill = (round: number) => {
      for (let i = 0; i < 1000; i++) {
        for (let times = 0; times < 2; times++) early.keep(`liar${i}`, { ...large, message: { ...MANIFEST, round } }, 4)
      }
    }
    fill(5)
    early.keep(A, message(5, 16_000), 4)
    const first = said(5)
    expect(first).toBeLessThan((16 + 16) * 1024 * 1024)
    // what was taken makes room
    fill(6)
    expect(said(6)).toBe(first - 16_000)
  })

  it('of vectors that it made takes no room from others', () => {
    const derived = new Derived(4)
    const made = (label: string) => ({ ballot: 0, label, digest: 'd'.repeat(64), words: 1, length: 1 })
    for (let i = 0; i < 100; i++) derived.announced(A, made(`l${i}`))
    derived.announced(B, made('merged'))
    expect([derived.get(0, 'l31', A), derived.get(0, 'l32', A)]).toEqual([
      { digest: 'd'.repeat(64), words: 1, length: 1 },
      undefined
    ])
    expect(derived.get(0, 'merged', B)).toBeDefined()
  })

  it('in ballots that were given up makes room for those that it makes now', () => {
    const derived = new Derived(4)
    const vector = { digest: 'd'.repeat(64), words: 1, length: 1 }
    for (let ballot = 0; ballot < 20; ballot++)
      for (let i = 0; i < 6; i++) derived.announced(A, { ballot, label: `sum.${i}`, ...vector })
    for (let i = 0; i < 6; i++) expect(derived.get(19, `sum.${i}`, A)).toEqual(vector)
    expect(derived.get(0, 'sum.0', A)).toBeUndefined()
  })

  it('of contributions is the first', () => {
    const refused: string[] = []
    let contradictions = 0
    const manifests = new Manifests({
      length: 10,
      samples: { least: 1, most: 8 },
      refuse: (_peer, offence) => refused.push(offence),
      onContradiction: () => (contradictions += 1)
    })
    const given = { peer: A, round: 3, digest: MANIFEST.digest, words: 10, length: 10, samples: 8, loss: 0.5 }
    expect(manifests.receive(A, MANIFEST, new Uint8Array(0))).toEqual(given)
    expect(manifests.receive(A, MANIFEST, new Uint8Array(0))).toBeUndefined()
    expect(manifests.receive(A, { ...MANIFEST, samples: 7 }, new Uint8Array(0))).toBeUndefined()
    expect(manifests.receive(B, { ...MANIFEST, samples: 9 }, new Uint8Array(0))).toBeUndefined()
    expect([refused, contradictions]).toEqual([['malformed'], 1])
    // as long as a proof may be, and longer
    const longest = { ...MANIFEST, round: 4, life: 2 }
    expect(manifests.receive(B, longest, new Uint8Array(2049))).toBeUndefined()
    expect(manifests.receive(B, longest, new Uint8Array(2048))).toMatchObject({ peer: B })
    expect(manifests.receive(B, { ...longest, samples: 7 }, new Uint8Array(2049))).toBeUndefined()
    expect([refused, contradictions]).toEqual([['malformed', 'malformed', 'malformed'], 1])
    expect([manifests.fits(given), manifests.fits({ ...given, samples: 9 })]).toEqual([true, false])
  })
})
