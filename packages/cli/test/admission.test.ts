import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { optionsToManifest, resolveOptions, type PeerId, type RunEvent } from '@peergrad/core'
import { invitationText, parseInvitation } from '@peergrad/peer'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { makeInvitation } from '../src/invite.js'
import { checkAdmissionHere, foundedBy, withAllowed } from '../src/peer/admission.js'
import { credentialsOf } from '../src/peer/credentials.js'
import { Tally } from '../src/tally.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-cli-admission-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

const ALICE = '12D3KooWAeu67XS6YJgXn1aEMrNe5AtQGJhW1tdTtjWSroXbJHXr'
const options = (flags: Record<string, unknown>) => resolveOptions({ flags }).options
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const refusal = (work: () => unknown) => {
  try {
    return String(work())
  } catch (error) {
    return (error as Error).message
  }
}

describe('the options of admission', () => {
  it('take peers by name and from files, and are of the run', () => {
    const listed = file('peers.txt', `# ours\n\n${ALICE} # Alice\npeerBBBBBBBBBBBB\n`)
    const allowed = withAllowed(options({ admission: 'allow-list', allow: [listed, 'peerCCCCCCCCCCCC'] }))
    expect(optionsToManifest(allowed).admission).toBe(`allow-list:${ALICE},peerBBBBBBBBBBBB,peerCCCCCCCCCCCC`)
    const wrong = file('wrong.txt', 'not a peer\n')
    expect(refusal(() => withAllowed(options({ admission: 'allow-list', allow: [wrong] })))).toContain(
      'got "not a peer"'
    )
  })

  it('read the secret from a file or the environment, and never say it', () => {
    vi.stubEnv('PEERGRAD_SECRET', 'from the environment ')
    expect(credentialsOf(options({}))).toEqual({ secret: Buffer.from('from the environment') })
    const secret = file('secret', 'from a file, longer\n')
    expect(credentialsOf(options({ 'secret-file': secret }))).toEqual({ secret: Buffer.from('from a file, longer') })
    const short = refusal(() => credentialsOf(options({ 'secret-file': file('short', 'hunter2') })))
    expect(short).toContain('got 7 characters')
    expect(short).not.toContain('hunter2')
  })

  it('say what a word may be that is no file', () => {
    const allowed = () => withAllowed(options({ admission: 'allow-list', allow: ['foo'] }))
    expect(refusal(allowed)).toBe('allow: got "foo", expected a peer id, or a file with one a line')
    const invited = () => credentialsOf(options({ invitation: 'garbage' }))
    expect(refusal(invited)).toBe('invitation: got "garbage", expected what peergrad invite printed, or a file with it')
  })

  it.each([
    [{ allow: ['peerBBBBBBBBBBBB'] }, 'got peers with admission open'],
    [{ admission: 'allow-list' }, 'allow-list without a list']
  ])('that do not go together are refused: %j', (flags, message) => {
    expect(refusal(() => options(flags))).toContain(message)
  })

  it('are open or a secret where all peers are started here', () => {
    expect(refusal(() => checkAdmissionHere(options({ admission: 'invitation' })))).toContain('expected open or secret')
    checkAdmissionHere(options({ admission: 'secret' }))
  })
})

describe('an invitation', () => {
  const flags = { admission: 'invitation', identity: join(folder, 'identity.key') }

  it('is to the run that the founder with that key founds', async () => {
    const made = await makeInvitation(options(flags), { hours: 2, holder: ALICE, reusable: false })
    const invitation = parseInvitation(made.invitation)
    expect(invitation).toMatchObject({ run: made.run, issuer: made.issuer, holder: ALICE })
    const manifest = foundedBy(optionsToManifest(options(flags)), made.issuer)
    expect(manifest.admission).toBe(`invitation:${made.issuer}`)
    const written = file('invitation', `${invitationText(invitation)}\n`)
    for (const given of [made.invitation, written])
      expect(credentialsOf(options({ invitation: given })).invitation).toEqual(invitation)
  })

  it('that names nobody is for one peer unless it is reusable, and never both for a peer and for all', async () => {
    const make = (holder: PeerId | undefined, reusable: boolean) =>
      makeInvitation(options(flags), { hours: 2, holder, reusable })
    for (const reusable of [false, true]) {
      const made = await make(undefined, reusable)
      expect([made.reusable, parseInvitation(made.invitation).reusable]).toEqual([reusable, reusable])
    }
    await expect(make(ALICE, true)).rejects.toMatchObject({ code: 'argument' })
    await expect(make('foo', false)).rejects.toThrow('invite: got "foo", expected a peer id')
  })

  it('is made by one who may invite, to a run that asks for it', async () => {
    const forOne = { hours: 1, holder: undefined, reusable: false }
    const others = options({ ...flags, allow: ['peerBBBBBBBBBBBB'] })
    await expect(makeInvitation(others, forOne)).rejects.toMatchObject({ code: 'argument' })
    const open = options({ identity: flags.identity })
    await expect(makeInvitation(open, forOne)).rejects.toMatchObject({ code: 'argument' })
  })
})

describe('a result', () => {
  it('has an excluded peer as excluded, whatever it says or does then', () => {
    const tally = new Tally()
    const [honest, liar]: PeerId[] = ['peerAAAAAAAAAAAA', 'peerBBBBBBBBBBBB']
    const add = (event: RunEvent) => tally.add(event)
    add({ time: 0, peer: liar, type: 'phase', round: 0, phase: 'compute' })
    add({ time: 1, peer: honest, type: 'excluded', other: liar, round: 0, reason: 'it lied', evidence: [] })
    add({ time: 2, peer: liar, type: 'finished', round: 0, parametersHash: 'f'.repeat(64) })
    tally.ended(liar, 'failed')
    add({ time: 3, peer: honest, type: 'finished', round: 0, parametersHash: 'a'.repeat(64) })
    expect(
      tally
        .result()
        .peers.map(({ id, status }) => [id, status])
        .sort()
    ).toEqual([
      [honest, 'finished'],
      [liar, 'excluded']
    ])
    expect(tally.result().agreed).toBe(true)
  })
})
