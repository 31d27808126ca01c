import { createHash } from 'node:crypto'
import {
  canonical,
  controlRequests,
  optionsToManifest,
  PeergradError,
  resolveOptions,
  systemClock,
  type Clock,
  type ControlRequest
} from '@peergrad/core'
import { createInvitation, MemoryNetwork, Swarm, type Credentials } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'
import { temporaryIdentity } from '../src/network/identity.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const signal = new AbortController().signal
const deadline = 5000
const [FOUNDER, WATCHER] = ['founder'.padEnd(16, 'x'), 'watcher'.padEnd(16, 'x')]
const secret = (text: string): Credentials => ({ secret: Buffer.from(text) })
const LINES = ['{"a":1}', '{"b":2}', '{"c":3}']

const open: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

const manifestOf = (admission: string) => ({
  ...optionsToManifest(resolveOptions({}).options),
  peers: 2,
  admission
})

/** A peer of a run that shows three lines, and one that has found it. */
async function meet({
  founder: name = FOUNDER,
  admission = 'open',
  credentials = {} as Credentials,
  clock = systemClock() as Clock
} = {}) {
  const network = new MemoryNetwork({ clock: systemClock() })
  const [asked, asking] = [network.join(name), network.join(WATCHER)]
  const manifest = manifestOf(admission)
  const common = { logger, sha256, credentials }
  const founder = new Swarm({ ...common, mesh: asked, clock: systemClock(), join: [], manifest })
  const watcher = new Swarm({ ...common, mesh: asking, clock, join: await asked.addresses() })
  open.push(founder, watcher, asked, asking)
  founder.show((from) => ({ lines: LINES.slice(from), next: LINES.length }))
  await watcher.find({ deadline, signal })
  const watch = (from: number) => watcher.watch(name, from, { deadline })
  const ask = (change: Partial<Extract<ControlRequest, { kind: 'watch' }>>) => {
    const request = {
      kind: 'watch',
      run: watcher.run,
      from: 0,
      nonce: 'n',
      time: Date.now(),
      credential: null
    } as const
    return asking.request(name, controlRequests.encode({ ...request, ...change }), { deadline })
  }
  return { founder, watcher, watch, ask }
}

describe('whoever may take part in a run', () => {
  it('may see what happens at a peer of it, and is not counted on', async () => {
    const { founder, watch } = await meet()
    expect(await watch(0)).toMatchObject({ lines: LINES, next: 3 })
    expect(await watch(2)).toMatchObject({ lines: LINES.slice(2), next: 3 })
    expect(founder.ready).toEqual([])
    expect(founder.isReady(WATCHER)).toBe(false)
  })

  it('shows that it knows the secret of a run that has one', async () => {
    const { watch, ask } = await meet({ admission: 'secret', credentials: secret('correct horse battery') })
    expect(await watch(0)).toMatchObject({ lines: LINES })
    for (const credential of [null, new Uint8Array(32)])
      await expect(ask({ credential })).rejects.toMatchObject({ code: 'refused', message: /did not prove/ })
  })

  it('uses no invitation up that is for one peer', async () => {
    const issuer = await temporaryIdentity()
    const admission = `invitation:${issuer.peer}`
    const run = sha256(canonical(manifestOf(admission)))
    const credentials = { invitation: createInvitation({ run, issuer, until: Date.now() + 60_000 }) }
    const { founder, watch } = await meet({ founder: issuer.peer, admission, credentials })
    expect(await watch(0)).toMatchObject({ lines: LINES })
    expect(founder.guests).toEqual([])
  })
})

describe('nobody else sees anything', () => {
  const refused = async (asked: Promise<unknown>, message: RegExp) =>
    expect(await asked.catch((error: unknown) => PeergradError.from(error))).toMatchObject({
      code: 'refused',
      message: expect.stringMatching(message) as string
    })

  it('who is not on the list of the run', async () => {
    const { watch } = await meet({ admission: `allow-list:${FOUNDER}` })
    await refused(watch(0), /is not on the allow-list/)
  })

  it('who asks for another run, or with an old request', async () => {
    const { ask } = await meet()
    await refused(ask({ run: 'b'.repeat(64) }), /of another run/)
    await refused(ask({ time: Date.now() - 4 * 3_600_000 }), /at another time/)
  })

  it('who is excluded', async () => {
    const { founder, watch } = await meet()
    founder.exclude((peer) => (peer === WATCHER ? 'it lied' : undefined))
    await refused(watch(0), /it lied/)
  })

  it('who asks without end', async () => {
    const { watch } = await meet()
    const answers = await Promise.allSettled(Array.from({ length: 300 }, () => watch(0)))
    const served = answers.filter(({ status }) => status === 'fulfilled').length
    expect(served).toBeGreaterThanOrEqual(200)
    expect(served).toBeLessThan(250)
  })

  it('before there is something to see', async () => {
    const network = new MemoryNetwork({ clock: systemClock() })
    const [asked, asking] = [network.join(FOUNDER), network.join(WATCHER)]
    const manifest = optionsToManifest(resolveOptions({}).options)
    const founder = new Swarm({ mesh: asked, clock: systemClock(), logger, sha256, join: [], manifest })
    const watcher = new Swarm({ mesh: asking, clock: systemClock(), logger, sha256, join: await asked.addresses() })
    open.push(founder, watcher, asked, asking)
    await watcher.find({ deadline, signal })
    await expect(watcher.watch(FOUNDER, 0, { deadline })).rejects.toMatchObject({ code: 'missing' })
  })
})
