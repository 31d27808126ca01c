import type { GradientStore } from '@peergrad/core'
import { spawnThread } from '../compute/node.js'
import { MemoryStore, type MemoryStoreInit } from './memory-store.js'

/** The `memory` driver on Node: its compute worker is a thread, SHA-256 is OpenSSL's. */
export async function memoryStore(init: MemoryStoreInit): Promise<GradientStore> {
  return new MemoryStore(init, spawnThread)
}
