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
const admission = (text: string, self: PeerId, credentials: Credentials = {}, now = NOW, view: PeerId[] = []) =>
  admissionOf(text, { self, credentials, now: () => now, isMember: (peer) => view.includes(peer) })

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

    it('that is reusable is for all who have it, but not for those who saw it used', () => {
      const invitation = createInvitation({ run: RUN, issuer, until: NOW + HOUR, reusable: true })
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
        `{"issuer":"${issuer.peer}","holder":"x","signature":"","until":1e99,"reusable":true}`,
        `{"issuer":"${issuer.peer}","holder":"x","signature":"","until":1}`
      ]
      for (const shown of [null, ...shapes.map((shape) => Buffer.from(shape))])
        expect(bob.refuses(CLAIM, shown)).toContain('no invitation')
      for (const wrong of ['', 'peergrad2.', 'peergrad2.e30', 'hello'])
        expect(() => parseInvitation(wrong)).toThrow(expect.objectContaining({ code: 'argument' }))
    })

    it('of another version of peergrad is named as that', () => {
      const text = invitationText(createInvitation({ run: RUN, issuer, until: NOW })).replace(
        'peergrad2.',
        'peergrad1.'
      )
      expect(() => parseInvitation(text)).toThrow(
        expect.objectContaining({ code: 'argument', message: expect.stringContaining('of format 1') as string })
      )
    })

    describe('for one peer', () => {
      const invitation = createInvitation({ run: RUN, issuer, until: NOW + HOUR })
      const by = (peer: PeerId, used = invitation) => admission(text, peer, { invitation: used }).show(CLAIM)
      const from = (peer: PeerId): Claim => ({ ...CLAIM, from: peer })
      const member = (view: PeerId[] = []) => admission(text, issuer.peer, {}, NOW, view)

      it('is for the first that comes with it, who may come back', () => {
        const { refuses, guests } = member()
        expect(refuses(CLAIM, by(ALICE))).toBeUndefined()
        expect(refuses(from(EVE), by(EVE))).toContain(`${ALICE} has used it`)
        expect(guests!.objection(EVE)).toContain(`${ALICE} has used it`)
        expect(refuses(CLAIM, by(ALICE))).toBeUndefined()
        expect(guests!.objection(ALICE)).toBeUndefined()
      })

      it('is used by who has it: it refuses others itself', () => {
        const alice = admission(text, ALICE, { invitation })
        expect(alice.refuses({ ...from(EVE), to: ALICE }, by(EVE))).toContain(`${ALICE} has used it`)
      })

      it('is not made reusable by whoever has it', () => {
        expect(member().refuses(CLAIM, by(ALICE, { ...invitation, reusable: true }))).toContain('may not invite')
      })

      it('is not used by looking, and lets nobody look beside its user', () => {
        const { refuses } = member()
        expect(refuses(from(EVE), by(EVE), true)).toBeUndefined()
        expect(refuses(CLAIM, by(ALICE))).toBeUndefined()
        expect(refuses(from(EVE), by(EVE), true)).toContain('has used it')
        expect(refuses(CLAIM, by(ALICE), true)).toBeUndefined()
      })

      it('is used by the one that the view takes in, of two that came to different peers at once', () => {
        const view: PeerId[] = []
        const [one, other] = [member(view), member(view)]
        for (const [first, second, { refuses }] of [[ALICE, EVE, one] as const, [EVE, ALICE, other] as const]) {
          expect(refuses(from(first), by(first))).toBeUndefined()
          expect(refuses(from(second), by(second))).toBeDefined()
        }
        view.push(EVE)
        for (const { guests } of [one, other]) {
          guests!.settle()
          expect(guests!.objection(EVE)).toBeUndefined()
          expect(guests!.objection(ALICE)).toContain(`${EVE} has used it`)
        }
        // nobody of the view is turned away, whatever came to be
        view.push(ALICE)
        expect([one, other].flatMap(({ guests }) => [ALICE, EVE].map((peer) => guests!.objection(peer)))).toEqual(
          Array.from({ length: 4 }, () => undefined)
        )
      })

      it('is that of a member that comes back to its view, whoever came meanwhile', () => {
        const { refuses, guests } = member([ALICE])
        expect(refuses(from(EVE), by(EVE))).toBeUndefined()
        expect(refuses(CLAIM, by(ALICE))).toBeUndefined()
        expect(guests!.objection(EVE)).toContain('has used it')
      })

      it('costs who tried it nothing when it has another one', () => {
        const { refuses, guests } = member()
        for (const right of [{}, { holder: EVE }, { reusable: true }]) {
          refuses(CLAIM, by(ALICE))
          expect(refuses(from(EVE), by(EVE))).toBeDefined()
          const own = createInvitation({ run: RUN, issuer, until: NOW + HOUR, ...right })
          expect(refuses(from(EVE), by(EVE, own))).toBeUndefined()
          expect(guests!.objection(EVE)).toBeUndefined()
        }
      })

      it('is told to newcomers when its user is gone, and goes before who came to them first', () => {
        const view = [ALICE]
        const old = member(view)
        old.refuses(CLAIM, by(ALICE))
        expect(old.guests!.list()).toEqual([])
        view.pop()
        const newcomer = member()
        expect(newcomer.refuses(from(EVE), by(EVE))).toBeUndefined()
        const told = old.guests!.list()
        for (const guest of told) newcomer.guests!.told(RUN, guest)
        expect(newcomer.guests!.objection(EVE)).toContain(`${ALICE} has used it`)
        expect(newcomer.refuses(CLAIM, by(ALICE))).toBeUndefined()
        // what does not name the peer proves nothing
        const other = member()
        other.guests!.told(RUN, { peer: BOB, credential: told[0]!.credential })
        other.guests!.told('b'.repeat(64), told[0]!)
        expect(other.guests!.list()).toEqual([])
      })

      it('is remembered with few of those that were refused, and not when it is over', () => {
        let now = NOW
        const { refuses, guests } = admissionOf(text, {
          self: issuer.peer,
          credentials: {},
          now: () => now,
          isMember: () => false
        })
        refuses(CLAIM, by(ALICE))
        const crowd = Array.from({ length: 20 }, (_, index) => `${EVE}${index}`)
        for (const peer of crowd) expect(refuses(from(peer), by(peer))).toContain('has used it')
        expect(crowd.filter((peer) => guests!.objection(peer) !== undefined)).toHaveLength(8)
        now += 2 * HOUR
        refuses(from(BOB), by(BOB, createInvitation({ run: RUN, issuer, until: now + HOUR })))
        expect(guests!.list().map(({ peer }) => peer)).toEqual([BOB])
        expect(crowd.filter((peer) => guests!.objection(peer) !== undefined)).toEqual([])
      })
    })
  })
})
