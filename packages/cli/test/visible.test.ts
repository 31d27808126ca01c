import { PeergradError } from '@peergrad/core'
import { visible } from '@peergrad/dashboard'
import { expect, test } from 'vitest'
import { decodeRefusal, encodeRefusal } from '../../peer/src/network/refusal.js'

/** Code points of one text. */
const PART = 1024

// the page takes none of core's code, so the two cannot share it
test('a refusal is shown on a terminal as the page shows it, whatever is in it', () => {
  for (let start = 0; start <= 0x10ffff; start += PART) {
    // halves of a pair are no characters
    if (start >= 0xd800 && start <= 0xdfff) continue
    const text = String.fromCodePoint(...Array.from({ length: PART }, (_, i) => start + i))
    const { message } = decodeRefusal(encodeRefusal(new PeergradError('internal', text)))
    expect(message, `from U+${start.toString(16)}`).toBe(visible(text))
  }
})
