import { datasetLaws } from '@peergrad/conformance'
import type { Dataset } from '@peergrad/core'
import { suite } from './suite.js'

/** The laws of a data set. `load` loads it anew. */
export function datasetCompliance(name: string, load: () => Promise<Dataset>): void {
  suite(`data set ${name}`, datasetLaws(load))
}
