import { codecLaws, type CodecProperties } from '@peergrad/conformance'
import type { Codec } from '@peergrad/core'
import { suite } from './suite.js'

/** The laws of a codec. `create` makes a fresh one. */
export function codecCompliance(name: string, create: () => Codec, properties: CodecProperties): void {
  suite(`codec ${name}`, codecLaws(create, properties))
}
