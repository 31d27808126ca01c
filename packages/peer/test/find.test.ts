import { createHash } from 'node:crypto'
import { optionsToManifest, PeergradError, replace, resolveOptions, systemClock } from '@peergrad/core'
import { MemoryNetwork, Swarm } from '@peergrad/peer'
import { afterEach, describe, expect, it } from 'vitest'

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
