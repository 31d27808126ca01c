import type { Spawn } from './compute.js'
import { serve, type Platform } from './serve.js'

/** The compute worker on the caller's own thread: a simulation has no thread but its own. */
export function spawnInline(sha256: Platform['sha256']): Spawn {
  return (boot, on) => {
    const answer = serve(boot, { post: (message) => on.answer(message), sha256 })
    return { post: (call) => void answer(call), terminate: async () => {} }
  }
}
