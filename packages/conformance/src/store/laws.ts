import type { GradientStore } from '@peergrad/core'
import type { Law } from '../law.js'
import { PACKING_LAWS } from './packing.js'
import { TENSOR_LAWS } from './tensors.js'
import { WORK_LAWS } from './work.js'

export interface StoreUnderTest {
  readonly store: GradientStore
  /** lets so many milliseconds pass for its expiry */
  advance(milliseconds: number): Promise<void> | void
}

/** A law of one store, which is opened for it and closed after it. */
export interface StoreLaw extends Omit<Law, 'prove'> {
  prove(opened: StoreUnderTest): unknown
}

/** The laws one by one, for a test runner to show. `open` makes a new, empty one with a budget of 16 MiB or more. */
export function storeLaws(open: () => Promise<StoreUnderTest>): Law[] {
  return [...TENSOR_LAWS, ...WORK_LAWS, ...PACKING_LAWS].map(({ prove, ...law }) => ({
    ...law,
    async prove() {
      const opened = await open()
      try {
        await prove(opened)
      } finally {
        await opened.store.close()
      }
    }
  }))
}
