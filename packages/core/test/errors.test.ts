import { PeergradError } from '@peergrad/core'
import { expect, it } from 'vitest'

it.each([
  ['TimeoutError', 'timeout'],
  ['AbortError', 'aborted'],
  ['SyntaxError', 'internal']
])('what was thrown as %s is `%s`', (name, code) => {
  const thrown = new DOMException('thrown', name)
  expect(PeergradError.from(thrown)).toMatchObject({ code, message: 'thrown', cause: thrown })
})
