import { createHash } from 'node:crypto'
import {
  optionsToManifest,
  PeergradError,
  replace,
  resolveOptions,
  systemClock,
  type Mesh,
  type MeshRequest
} from '@peergrad/core'
import { MemoryNetwork, Swarm } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'
import { Acquaintance } from '../src/membership/acquaintance.js'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const [FOUNDER, NEWCOMER] = ['founder'.padEnd(16, 'x'), 'newcomer'.padEnd(16, 'x')]

const open: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

/** Looks for a run whose founder is too busy to answer so many dials. Resolves with the dials that were made. */
async function find(unanswered: number): Promise<number> {
  const clock = systemClock()
  const network = new MemoryNetwork({ clock })
  const [asked, asking] = [network.join(FOUNDER), network.join(NEWCOMER)]
  let dials = 0
  const mesh = replace(asking, {
    dial: async (address, options) => {
      if (dials++ < unanswered) throw new PeergradError('unreachable', 'aborted due to timeout')
      return asking.dial(address, options)
    }
  })
  const common = { logger, sha256, clock }
  const manifest = optionsToManifest(resolveOptions({}).options)
  const founder = new Swarm({ ...common, mesh: asked, join: [], manifest })
  const newcomer = new Swarm({ ...common, mesh, join: await asked.addresses() })
  open.push(founder, newcomer, asked, asking)
  expect(await newcomer.find({ deadline: 5000, signal: new AbortController().signal })).toEqual(manifest)
  return dials
}

describe('a peer that looks for its run', () => {
  it('tries again where an address answers too late', async () => {
    expect(await find(0)).toBe(1)
    expect(await find(2)).toBe(3)
  })

  it('ends with the reason of whoever stopped it before it began', async () => {
    const clock = systemClock()
    const network = new MemoryNetwork({ clock })
    const [asked, asking] = [network.join(FOUNDER), network.join(NEWCOMER)]
    const newcomer = new Swarm({ logger, sha256, clock, mesh: asking, join: await asked.addresses() })
    open.push(newcomer, asked, asking)
    const signal = AbortSignal.abort(new PeergradError('aborted', 'Ctrl+C'))
    await expect(newcomer.find({ deadline: 5000, signal })).rejects.toMatchObject({ message: 'Ctrl+C' })
  })

  it('says what it tried when nobody answers', async () => {
    await expect(find(3)).rejects.toMatchObject({ code: 'unreachable', message: /no peer of the run answered/ })
  })
})

it('a peer that says it is ready and is not connected is not counted on', async () => {
  const clock = systemClock()
  const manifest = optionsToManifest(resolveOptions({}).options)
  const mesh = { self: FOUNDER, connected: () => ['connected'.padEnd(16, 'x')], report() {} } as unknown as Mesh
  const acquaintance = new Acquaintance({
    mesh,
    clock,
    manifest,
    lineage: { founder: FOUNDER, founded: 1 },
    resumed: undefined,
    members: [],
    credentials: {},
    sha256
  })
  const answers: string[] = []
  for (const from of ['connected', 'hung-up'].map((name) => name.padEnd(16, 'x'))) {
    const request = {
      from,
      payload: new Uint8Array(),
      respond: () => answers.push(from),
      refuse: (error: Error) => expect.fail(error.message)
    }
    acquaintance.answer(request as unknown as MeshRequest, {
      kind: 'join',
      manifest,
      lineage: null,
      running: false,
      resumed: null,
      nonce: from,
      time: clock.wall(),
      credential: null
    })
  }
  expect(answers).toHaveLength(2)
  expect(acquaintance.ready).toEqual(['connected'.padEnd(16, 'x')])
})
