import { fileURLToPath } from 'node:url'
import { checkModel } from '@peergrad/conformance'
import { expect, test } from 'vitest'
import { brokenLaws } from './support.js'

const FIXTURES = fileURLToPath(new URL('./fixtures/models.mjs', import.meta.url))
const SMALL = { shape: [4, 4, 1], classes: 3, engine: 'cpu' }
const check = (name: string) => brokenLaws(checkModel(`${FIXTURES}#${name}`, SMALL))

test('a good model holds all laws, and so does a built-in one', async () => {
  expect(await check('good')).toEqual(new Map())
  expect(await brokenLaws(checkModel('mlp:hidden=8', SMALL))).toEqual(new Map())
})

const SAME =
  'gives a finite loss and gradient, the same again, from another instance too, and leaves the state as it was'

test.each([
  ['gives a score too many', 'oneScoreTooMany', 'builds, and gives a score for each class'],
  ['is not there', 'absent', 'builds, and gives a score for each class'],
  ['starts from what is no number', 'notFinite', 'starts from finite numbers, the same for a seed'],
  ['goes by the clock', 'byTheClock', SAME],
  ['counts its calls', 'counting', SAME],
  ['gives half of the gradient', 'halved', 'gives the slope of its loss as the gradient'],
  ['does not look at its weights', 'frozen', 'learns 16 samples in 30 steps of Adam'],
  ['keeps a tensor of each step', 'hoarding', 'keeps no tensor from call to call']
])('a model that %s is found out', async (_what, name, law) => {
  expect([...(await check(name)).keys()]).toContain(law)
})
