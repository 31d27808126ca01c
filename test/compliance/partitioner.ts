import { partitionerLaws } from '@peergrad/conformance'
import type { Partitioner } from '@peergrad/core'
import { suite } from './suite.js'

/** The laws of a partitioner. `create` makes a fresh one. */
export function partitionerCompliance(name: string, create: () => Promise<Partitioner> | Partitioner): void {
  suite(`partitioner ${name}`, partitionerLaws(create))
}
