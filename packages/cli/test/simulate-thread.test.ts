import { resolveOptions } from '@peergrad/core'
import { expect, test } from 'vitest'
// a thread runs what is built
import { measureInThread } from '../dist/simulate/thread.js'
import { readLinkPlan } from '../src/simulate/links.js'
import { simulatedManifest } from '../src/simulate/simulate.js'

test('a plug-in that keeps the thread of a simulation is named, and ended', async () => {
  const strategy = `${import.meta.dirname}/../../../test/compliance/fixtures/strategies.mjs#loops`
  const { options } = resolveOptions({ flags: { strategy, peers: 2, deadline: '0.1', grace: '0.1' } })
  const links = readLinkPlan({}, { latency: 1, bandwidth: 100 })
  const task = { manifest: simulatedManifest(options, 1), options, links, floats: 100, compute: 1 }
  const run = measureInThread(task, { onProgress: () => {}, signal: new AbortController().signal })
  const message = expect.stringMatching(/^strategy \S*strategies\.mjs#loops has kept the simulation for 2 s/) as string
  await expect(run).rejects.toMatchObject({ code: 'timeout', message, data: { plugin: `strategy ${strategy}` } })
})
