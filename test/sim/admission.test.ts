import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canonical, controlRequests, type ControlRequest, type Mesh } from '@peergrad/core'
import { createInvitation, loadIdentity, type Credentials } from '@peergrad/peer'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { replace } from './replace.js'
import {
  peerName,
  Simulation,
  type Disguise,
  type SimulatedPeer,
  type SimulationInit,
  type StartOptions
} from './swarm.js'

let simulation: Simulation
afterEach(() => simulation.stop())

const WORD = 'correct horse battery'
const secret = (text: string): Credentials => ({ secret: Buffer.from(text) })

/** A peer that comes while three train; what it ends with. */
async function comes(options: StartOptions, others: Credentials = {}, disguise?: Disguise) {
  const members = [0, 1, 2].map((index) => simulation.start(peerName(index), { credentials: others }))
  await simulation.when(() => members[0].events.some((event) => event.type === 'round' && event.round === 2))
  const comer = simulation.start(peerName(3), { ...options, via: [peerName(1)], ...(disguise && { disguise }) })
  const ended = comer.result.then(
    ({ status }) => ({ status, error: undefined }),
    (error: unknown) => ({ status: undefined, error })
  )
  const results = await simulation.until(Promise.all(members.map(({ result }) => result)))
  expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  simulation.stop()
  return { ...(await ended), members, comer, results }
}

/** Why these refused that peer; while peers start, one that does not know its run yet says so to all. */
const refusals = (peers: SimulatedPeer[], of: string) =>
  peers
    .flatMap(({ events }) => events.flatMap((event) => (event.type === 'refused' ? [event] : [])))
    .filter(({ other, offence, reason }) => other === of && offence === 'join' && !reason.includes('ask another one'))
    .map(({ reason }) => reason)

/** Its greetings are changed on their way, whatever it would do by itself. */
const greets = (change: (request: Extract<ControlRequest, { kind: 'join' }>) => ControlRequest): Disguise => ({
  mesh: (honest: Mesh) =>
    replace(honest, {
      request: (peer, payload, options) => {
        const request = controlRequests.decode(payload)
        return honest.request(
          peer,
          request.kind === 'join' ? controlRequests.encode(change(request)) : payload,
          options
        )
      }
    })
})

describe('a run that is not open to anybody', () => {
  it('takes in who knows the secret', async () => {
    simulation = new Simulation({ peers: 3, rounds: 60, admission: 'secret' })
    const { status, results } = await comes({ credentials: secret(WORD) }, secret(WORD))
    expect(status).toBe('finished')
    expect(results[0].members).toContain(peerName(3))
  })

  it.each<[string, StartOptions, string]>([
    ['none', {}, 'this run asks for its shared secret'],
    ['another one', { credentials: secret('incorrect horse battery') }, 'did not prove that it knows the shared secret']
  ])('refuses who has %s, with a sentence and without the secret', async (_what, options, expected) => {
    simulation = new Simulation({ peers: 3, rounds: 20, admission: 'secret' })
    const { error, results } = await comes(options, secret(WORD))
    expect(error).toMatchObject({ code: 'refused', message: expect.stringContaining(expected) as string })
    expect(String(error)).not.toContain(WORD)
    expect(results[0].members).toHaveLength(3)
  })

  it('refuses who shows nothing, or what another showed, and does not count it', async () => {
    simulation = new Simulation({ peers: 3, rounds: 20, admission: 'secret' })
    const other = Uint8Array.from({ length: 32 }, (_, index) => index)
    const disguise = greets((request) => ({ ...request, credential: request.credential && other }))
    const { members, results } = await comes({ credentials: secret(WORD) }, secret(WORD), disguise)
    expect(results[0].members).toHaveLength(3)
    const reasons = refusals(members, peerName(3))
    expect(reasons.length).toBeGreaterThan(0)
    for (const reason of reasons) expect(reason).toContain('did not prove')
  })

  it('tells who does not know it nothing of what was decided', async () => {
    simulation = new Simulation({ peers: 3, rounds: 20, admission: 'secret' })
    const run = createHash('sha256').update(canonical(simulation.manifest)).digest('hex')
    const answers: Promise<string>[] = []
    const asks: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          request: (peer, payload, options) => {
            const asked = honest.request(peer, controlRequests.encode({ kind: 'decision', run, round: 1 }), options)
            answers.push(
              asked.then(
                () => 'told',
                ({ code }: { code: string }) => code
              )
            )
            return honest.request(peer, payload, options)
          }
        })
    }
    await comes({}, secret(WORD), asks)
    expect(answers.length).toBeGreaterThan(0)
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['missing']))
  })

  it('is not joined by one that was given a secret and finds it open', async () => {
    simulation = new Simulation({ peers: 3, rounds: 20 })
    const { error } = await comes({ credentials: secret(WORD) })
    expect(error).toMatchObject({ code: 'refused', message: expect.stringContaining('open to anybody') as string })
  })

  it('by a list, refuses who is not on it', async () => {
    const list = [0, 1, 2].map(peerName).join(',')
    simulation = new Simulation({ peers: 3, rounds: 20, admission: `allow-list:${list}` })
    const { members, results, error } = await comes({})
    expect(results[0].members).toHaveLength(3)
    expect(refusals(members, peerName(3))[0]).toContain('is not on the allow-list')
    expect(error).toMatchObject({ code: 'refused', message: expect.stringContaining('is not on the allow') as string })
  })
})

describe('a run by invitation', () => {
  let issuer: Awaited<ReturnType<typeof loadIdentity>>
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'peergrad-admission-'))
    issuer = await loadIdentity(join(folder, 'identity.key'))
    rmSync(folder, { recursive: true })
  })

  /** What somebody has who is invited: a peer, or the first one that comes. */
  const invited = (holder?: string): Credentials => {
    const run = createHash('sha256').update(canonical(simulation.manifest)).digest('hex')
    const until = simulation.clock.wall() + 3_600_000
    return { invitation: createInvitation({ run, issuer, until, ...(holder !== undefined && { holder }) }) }
  }
  const simulate = (peers: number, rounds: number, init?: SimulationInit) => {
    simulation = new Simulation({ peers, rounds, admission: `invitation:${issuer.peer}` }, init)
  }
  /** The view that a peer comes to see. */
  const sees = (peer: SimulatedPeer, ...view: readonly string[]) =>
    simulation.when(() =>
      peer.events.some((event) => event.type === 'view' && event.members.join() === [issuer.peer, ...view].join())
    )
  const used = (by: string) => expect.stringContaining(`is for one peer, and ${by} has used it`) as string

  it('takes in the peer that is invited, and refuses another that has its invitation', async () => {
    simulate(2, 40)
    const [guest, thief] = [peerName(1), peerName(2)]
    const credentials = invited(guest)
    const founder = simulation.start(issuer.peer)
    const peer = simulation.start(guest, { credentials })
    const other = simulation.start(thief, { credentials, via: [issuer.peer] })
    const results = await simulation.until(Promise.all([founder.result, peer.result]))
    expect(results.map(({ members }) => members)).toEqual([
      [issuer.peer, guest],
      [issuer.peer, guest]
    ])
    expect(refusals([founder], thief)[0]).toContain('an invitation that is for another peer')
    await expect(other.result).rejects.toMatchObject({ code: 'refused' })
  })

  it('for one peer: a second is refused, even by a member that never met the first, which may come back', async () => {
    simulate(4, 60)
    const [second, third, guest, thief] = [1, 2, 3, 4].map(peerName) as [string, string, string, string]
    const forOne = invited()
    const starts = (name: string, credentials: Credentials, via?: string) =>
      simulation.start(name, { credentials, milliseconds: 100, ...(via !== undefined && { via: [via] }) })
    const founder = simulation.start(issuer.peer, { milliseconds: 100 })
    const own = invited(second)
    starts(second, own)
    const other = starts(third, invited(third))
    starts(guest, forOne)
    await sees(founder, second, third, guest)
    simulation.kill(guest)
    await sees(founder, second, third)
    simulation.kill(second)
    await sees(founder, third)
    // it knows of the guest what it is told with the state
    const anew = starts(second, own, issuer.peer)
    await sees(founder, third, second)
    const refused = starts(thief, forOne, second)
    await expect(simulation.until(refused.result)).rejects.toMatchObject({ code: 'refused', message: used(guest) })
    const reasons = refusals([anew], thief)
    expect(reasons).toEqual(reasons.map(() => used(guest)))
    expect(reasons).not.toEqual([])
    const back = starts(guest, forOne, second)
    const results = await simulation.until(Promise.all([founder, other, anew, back].map(({ result }) => result)))
    expect(results[0].members).toEqual([issuer.peer, third, second, guest])
    expect(new Set(results.map(({ parametersHash }) => parametersHash)).size).toBe(1)
  })

  it('for one peer, used by two at once at different members: the one that the view takes in has it', async () => {
    const [member, left, right] = [1, 2, 3].map(peerName) as [string, string, string]
    const far = new Set([`${left} ${member}`, `${right} ${issuer.peer}`])
    simulate(2, 40, {
      latency: (from, to) => (far.has(`${from} ${to}`) || far.has(`${to} ${from}`) ? 60 : 1)
    })
    const founder = simulation.start(issuer.peer, { milliseconds: 100 })
    const other = simulation.start(member, { credentials: invited(member), milliseconds: 100 })
    await sees(founder, member)
    const forOne = { credentials: invited(), milliseconds: 100 }
    const comers = [
      simulation.start(left, { ...forOne, via: [issuer.peer] }),
      simulation.start(right, { ...forOne, via: [member] })
    ]
    const members = await simulation.until(Promise.all([founder.result, other.result]))
    const ended = await simulation.until(Promise.allSettled(comers.map(({ result }) => result)))
    // each member let in another one, and refused the other
    expect(refusals([founder], right)).toContainEqual(used(left))
    expect(refusals([other], left)).toContainEqual(used(right))
    const [inside, outside] = members[0].members.includes(left) ? [0, 1] : [1, 0]
    const { name } = comers[inside]!
    expect(members.map((result) => result.members)).toEqual([0, 1].map(() => [issuer.peer, member, name]))
    expect(ended[outside]).toMatchObject({ reason: { code: 'refused', message: used(name) } })
    expect(ended[inside]).toMatchObject({ value: { parametersHash: members[0].parametersHash } })
    expect(members[1].parametersHash).toBe(members[0].parametersHash)
  })
})

describe('greetings', () => {
  it('that come twice, or are older than a clock may be wrong, are refused, and nothing else happens', async () => {
    simulation = new Simulation({ peers: 3, rounds: 20 })
    let first: Extract<ControlRequest, { kind: 'join' }> | undefined
    const disguise = greets((request) => {
      first ??= request
      return { ...request, nonce: first.nonce, time: first.time }
    })
    const { members, results } = await comes({}, {}, disguise)
    expect(results[0].members).toHaveLength(3)
    expect(refusals(members, peerName(3)).join()).toContain('got a request made at another time')
  })

  it('without end are refused, and in the end their sender is cut off', async () => {
    simulation = new Simulation({ peers: 3, rounds: 200 })
    let more = 1500
    const disguise: Disguise = {
      mesh: (honest: Mesh) =>
        replace(honest, {
          request: async (peer, payload, options) => {
            const request = controlRequests.decode(payload)
            if (request.kind !== 'join') return honest.request(peer, payload, options)
            const again = () =>
              honest.request(peer, controlRequests.encode({ ...request, nonce: crypto.randomUUID() }), options)
            while (more-- > 0) await again().catch(() => {})
            return again()
          }
        })
    }
    const { members } = await comes({}, {}, disguise)
    const { offences } = members[1].mesh as Mesh & { offences: { peer: string; offence: string }[] }
    expect(offences.filter(({ peer }) => peer === peerName(3)).length).toBeGreaterThan(8)
    expect(members[1].mesh.connected()).not.toContain(peerName(3))
  })
})
