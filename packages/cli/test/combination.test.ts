import { optionsToManifest, resolveOptions } from '@peergrad/core'
import { expect, test } from 'vitest'
import { checkComponents } from '../src/compose.js'

const check = (flags: Record<string, unknown>) => {
  const { options } = resolveOptions({ flags: { peers: '4', aggregator: 'zeno:f=1', ...flags } })
  return checkComponents(optionsToManifest(options), options)
}

test.each(['spirt', 'all-reduce', 'all-gather', 'mlless', 'diloco'])('zeno goes with %s', async (strategy) => {
  expect((await check({ strategy })).trials).toEqual({ samples: 128 })
})

test.each([
  [
    { strategy: 'gossip', codec: 'sign' },
    /strategy gossip: models are exchanged whole; got the codec sign, .* expected another one/
  ],
  [
    { strategy: 'gossip', filter: 'top-k' },
    /strategy gossip: models are exchanged whole; got the filter top-k, expected none/
  ],
  [{ strategy: 'ring', aggregator: 'mean:weighted=true' }, /got the rule weighted-mean, expected mean/],
  [{ strategy: 'gossip', aggregator: 'mean:weighted=true' }, /got the rule weighted-mean, expected mean/],
  [{ strategy: 'ring', codec: 'int8' }, /strategy ring: .* got the codec int8, expected f32/],
  [
    { strategy: 'spirt', codec: 'sign', filter: 'top-k' },
    /codec sign has no zeros, so the filter top-k could leave nothing out/
  ],
  [{ strategy: 'mlless', codec: 'sign' }, /codec sign has no zeros, so the filter significant could leave nothing out/],
  [
    { strategy: 'mlless:v=0.5', filter: 'top-k' },
    /strategy mlless: v=0\.5 is of the filter significant, got the filter top-k; leave out v, or the filter/
  ],
  [{ strategy: 'mlless:v=0.5', filter: 'none' }, /v=0\.5 is of the filter significant, got the filter none/],
  [{ strategy: 'mlless:horizon=5' }, /mlless\.horizon: it is of scale-in, got it without; add scale-in=true/]
])('what does not compose is refused before the run: %j', async (flags, message) => {
  const refused = { code: 'argument', message: expect.stringMatching(message) as string }
  await expect(check({ aggregator: 'mean', ...flags })).rejects.toMatchObject(refused)
})

test.each([
  [{ strategy: 'scatter-reduce' }, /parts of vectors, and zeno needs whole ones/],
  [{ strategy: 'ring' }, /got the rule zeno, expected mean/],
  [{ strategy: 'gossip' }, /got the rule zeno, expected mean/],
  [{ strategy: 'gossip:merge=rule' }, /each peer would judge by a model of its own.* got the rule zeno/],
  [{ 'pre-aggregator': ['nnm'] }, /aggregator zeno: it judges .* got the pre-aggregator nnm before it, expected none/],
  [{ aggregator: 'zeno:f=4' }, /zeno: got 4 peers, f = 4: expected more than f/]
])('zeno is refused with %j', async (flags, message) => {
  await expect(check(flags)).rejects.toMatchObject({
    code: 'argument',
    message: expect.stringMatching(message) as string
  })
})
