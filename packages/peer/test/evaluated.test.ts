import { expect, test } from 'vitest'
import { evaluated } from '../src/runtime/evaluated.js'

test.each([0.5, NaN, Infinity, -Infinity])('an evaluation with the loss %s is told as JSON has it', (loss) => {
  const event = evaluated({ accuracy: 0.1, loss, samples: 10 }, { round: 3 })
  expect(event).toEqual({ type: 'evaluated', round: 3, accuracy: 0.1, loss: loss === 0.5 ? loss : null, samples: 10 })
  expect(JSON.parse(JSON.stringify(event))).toEqual(event)
})
