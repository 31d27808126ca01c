import type { Law } from '@peergrad/conformance'
import { describe, it } from 'vitest'

/** Laws of the conformance kit as the tests of a suite, one each: those of what the plug-in claims. */
export function suite(title: string, laws: readonly Law[]): void {
  describe(title, async () => {
    for (const law of laws) if ((await law.claimed?.()) !== false) it(law.name, async () => law.prove())
  })
}
