import { resolvePlugin } from '@peergrad/core'
import { aggregators } from '@peergrad/strategies'
import { expect, it } from 'vitest'
import { parseRedisUrl } from '../src/redis/address.js'
import { ModuleTensors } from '../src/redis/tensors.js'

it('a rule that has too few vectors says which it is, as in memory: a strategy may have another way', async () => {
  const never = { call: () => expect.unreachable() } as never
  const tensors = new ModuleTensors({ data: never, work: never })
  const from = ['a', 'b', 'c'].map((key) => ({ key, tensor: { name: key, length: 1, references: 1 } }))
  const rule = resolvePlugin(aggregators, 'trimmed-mean:f=2')
  const to = { name: 'to', length: 1, references: 1 }
  await expect(
    tensors.aggregate({ from, to, rule, pre: [], samples: [1, 1, 1], parameters: 1, seed: 0, trials: undefined })
  ).rejects.toMatchObject({ code: 'argument', data: { rule: 'trimmed-mean', vectors: 3 } })
})

it.each(['redis://:50%off@localhost', 'unix:/tmp/a%b.sock'])('the address %s is refused with a sentence', (url) => {
  expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining({ code: 'argument' }))
})
