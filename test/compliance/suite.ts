import type { Law } from '@peergrad/conformance'
import { describe, it } from 'vitest'

/** Laws of the conformance kit as the tests of a suite, one each. */
export function suite(title: string, laws: readonly Law[]): void {
  describe(title, () => {
    for (const { name, prove } of laws) it(name, async () => prove())
  })
}
