import { generateKeyPairSync } from 'node:crypto'
import { admissionText, parseAdmission, type AdmissionRule, type PeerId } from '@peergrad/core'
import { createInvitation, invitationText, parseInvitation, type Credentials } from '@peergrad/peer'
import { describe, expect, it } from 'vitest'
import { admissionOf } from '../src/membership/admission/admission-of.js'
import type { Claim } from '../src/membership/admission/admission.js'
import { peerIdOfKey } from '../src/network/peer-key.js'

const NOW = 1_700_000_000_000
const HOUR = 3_600_000
const [RUN, ALICE, BOB, EVE] = ['a'.repeat(64), 'peerAAAAAAAAAAAA', 'peerBBBBBBBBBBBB', 'peerEEEEEEEEEEEE']
/** Alice greets Bob. */
const CLAIM: Claim = { run: RUN, from: ALICE, to: BOB, nonce: 'n-1', time: NOW }
const OTHERS: [string, Partial<Claim>][] = [
  ['run', { run: 'b'.repeat(64) }],
  ['sender', { from: EVE }],
  ['receiver', { to: EVE }],
  ['nonce', { nonce: 'n-2' }],
  ['time', { time: NOW + 1 }]
]
const secret = (text: string): Credentials => ({ secret: Buffer.from(text) })
const admission = (text: string, self: PeerId, credentials: Credentials = {}, now = NOW) =>
  admissionOf(text, { self, credentials, now: () => now })

function identity() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { peer: peerIdOfKey(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)), privateKey }
}

describe('admission', () => {
  it.each<AdmissionRule>([
    { kind: 'open', peers: [] },
    { kind: 'secret', peers: [] },
    { kind: 'allow-list', peers: [ALICE, BOB] },
    { kind: 'invitation', peers: [ALICE] }
  ])('is read as it is written: %j', (rule) => {
    expect(parseAdmission(admissionText(rule))).toEqual(rule)
  })

  it('is the same text for the same list', () => {
    expect(admissionText({ kind: 'allow-list', peers: [BOB, ALICE, BOB] })).toBe(`allow-list:${ALICE},${BOB}`)
  })

  it.each([
    ['openn', 'unknown'],
    ['allow-list', 'argument'],
    ['allow-list:', 'argument'],
    ['invitation', 'argument'],
    [`secret:${ALICE}`, 'argument'],
    ['constructor', 'unknown']
  ])('refuses %s', (text, code) => {
    expect(() => parseAdmission(text)).toThrow(expect.objectContaining({ code }))
  })

  it('by a list is for those on it', () => {
    const { refuses } = admission(`allow-list:${ALICE}`, BOB)
    expect(refuses(CLAIM, null)).toBeUndefined()
    expect(refuses({ ...CLAIM, from: EVE }, null)).toContain(EVE)
  })

  describe('by a secret', () => {
    const bob = admission('secret', BOB, secret('correct horse battery'))
    const shown = admission('secret', ALICE, secret('correct horse battery')).show(CLAIM)

    it('is for whoever knows it, and what is shown does not hold it', () => {
      expect(bob.refuses(CLAIM, shown)).toBeUndefined()
      expect(Buffer.from(shown!).includes('horse')).toBe(false)
    })

    it.each(OTHERS)('is not shown for another %s', (_what, change) => {
      expect(bob.refuses({ ...CLAIM, ...change }, shown)).toBeDefined()
    })

    it('refuses another secret, nothing, and what was cut, and says no more of it than where it goes', () => {
      const wrong = admission('secret', ALICE, secret('correct horse batterz')).show(CLAIM)
      for (const given of [wrong, null, shown!.subarray(1), new Uint8Array(32), new Uint8Array(0)]) {
        const reason = bob.refuses(CLAIM, given)
        expect(reason).toContain('PEERGRAD_SECRET')
        expect(reason).not.toContain('horse')
      }
    })

    it('asks a peer that has none for it', () => {
      expect(() => admission('secret', ALICE)).toThrow(
        expect.objectContaining({ code: 'refused', message: expect.stringContaining('--secret-file') as string })
      )
    })
  })

  describe('by invitation', () => {
    const issuer = identity()
    const text = `invitation:${issuer.peer}`
    const bob = admission(text, BOB, { invitation: createInvitation({ run: RUN, issuer, until: NOW, holder: BOB }) })
    const shownBy = (peer: PeerId, init: Partial<Parameters<typeof createInvitation>[0]>, from = issuer) => {
      const invitation = createInvitation({ run: RUN, issuer: from, until: NOW + HOUR, ...init })
      return admission(text, peer, { invitation: parseInvitation(invitationText(invitation)) }).show(CLAIM)
    }

    it('is for the peer that it names, and for nobody else', () => {
      const shown = shownBy(ALICE, { holder: ALICE })
      expect(bob.refuses(CLAIM, shown)).toBeUndefined()
      expect(bob.refuses({ ...CLAIM, from: EVE }, shown)).toContain('for another peer')
      expect(bob.refuses({ ...CLAIM, from: EVE }, shownBy(EVE, { holder: ALICE }))).toContain('for another peer')
    })

    it('that names nobody is for all who have it, but not for those who saw it used', () => {
      const invitation = createInvitation({ run: RUN, issuer, until: NOW + HOUR })
      const by = (peer: PeerId) => admission(text, peer, { invitation }).show(CLAIM)
      expect(bob.refuses(CLAIM, by(ALICE))).toBeUndefined()
      expect(bob.refuses({ ...CLAIM, from: EVE }, by(EVE))).toBeUndefined()
      expect(bob.refuses({ ...CLAIM, from: EVE }, by(ALICE))).toContain('for another peer')
      expect(Buffer.from(by(ALICE)!).includes(invitation.seed!)).toBe(false)
    })

    it('ends, and is for one run', () => {
      const shown = shownBy(ALICE, { holder: ALICE })
      const later = admission(text, issuer.peer, {}, NOW + 2 * HOUR)
      expect(later.refuses(CLAIM, shown)).toContain('is over')
      expect(bob.refuses({ ...CLAIM, run: 'b'.repeat(64) }, shown)).toContain('another run')
    })

    it('is by one who may invite, who needs none', () => {
      expect(bob.refuses({ ...CLAIM, from: issuer.peer }, null)).toBeUndefined()
      const other = identity()
      expect(bob.refuses(CLAIM, shownBy(ALICE, { holder: ALICE }, other))).toContain('may not invite')
      // signed by another key than that of the name
      const forged = shownBy(ALICE, { holder: ALICE }, { ...other, peer: issuer.peer })
      expect(bob.refuses(CLAIM, forged)).toContain('may not invite')
    })

    it('refuses what is no invitation', () => {
      const shapes = [
        '',
        '{}',
        'null',
        '{"issuer":1}',
        `{"issuer":"${issuer.peer}","holder":"x","signature":"","until":1e99}`
      ]
      for (const shown of [null, ...shapes.map((shape) => Buffer.from(shape))])
        expect(bob.refuses(CLAIM, shown)).toContain('no invitation')
      for (const wrong of ['', 'peergrad1.', 'peergrad1.e30', 'hello'])
        expect(() => parseInvitation(wrong)).toThrow(expect.objectContaining({ code: 'argument' }))
    })
  })
})
