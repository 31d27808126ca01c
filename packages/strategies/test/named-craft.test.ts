import { random, type CraftInput, type GradientAttack } from '@peergrad/core'
import { namedCraft } from '@peergrad/strategies'
import { expect, it } from 'vitest'

const LENGTH = 100_000

const attack = (craft: GradientAttack['craft']) =>
  namedCraft({ name: 'mine', describe: 'test', holds: '', level: 'gradient', knows: ['honest'], craft })

/** Two honest vectors, the own one and the last, as they lie in a store that others read too. */
const input = (): CraftInput => ({
  honest: [new Float32Array(LENGTH), new Float32Array(LENGTH)],
  own: new Float32Array(LENGTH),
  last: new Float32Array(LENGTH),
  out: new Float32Array(LENGTH),
  random: random(1),
  round: 0,
  n: 3,
  f: 1
})

it.each<[string, number, GradientAttack['craft']]>([
  ['an honest peer', 1, ({ honest }) => void honest[1]!.fill(1)],
  ['its own half', 2, ({ own }) => void own.fill(1)],
  ['the run', 3, async ({ last }) => void last!.fill(1)]
])('names an attack that writes into what is of %s', async (_whose, index, craft) => {
  await expect(attack(craft)(input())).rejects.toMatchObject({
    message: `attack mine wrote into vector ${index} of its inputs, expected it to write only what it gives out`,
    data: { plugin: 'attack mine' }
  })
})

it('lets an attack write its output', async () => {
  const given = input()
  await attack(({ out }) => void out.fill(1))(given)
  expect(given.out[LENGTH - 1]).toBe(1)
})
