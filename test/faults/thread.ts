/**
 * Loaded into every thread of a peer ahead of its own code (`node --import`). It tells what the thread holds, and ends
 * the process in the middle of a vector: only at the socket is it known how many bytes are on their way.
 */
import { Socket } from 'node:net'
import { BroadcastChannel, threadId } from 'node:worker_threads'
import { CHANNEL, type BetweenThreads, type ThreadUse } from './protocol.js'

/** Smaller writes are control messages. */
const VECTOR_BYTES = 16 * 1024

const channel = new BroadcastChannel(CHANNEL)
channel.unref()
channel.onmessage = (event) => {
  const message = (event as { data: BetweenThreads }).data
  if (message.type === 'die-after') dieAfter(message.bytes)
  else if (message.type === 'use?') channel.postMessage({ type: 'use', use: threadUse() } satisfies BetweenThreads)
}

export function threadUse(): ThreadUse {
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  return { thread: threadId, heapUsed: process.memoryUsage().heapUsed, timers }
}

function dieAfter(bytes: number): void {
  const written = new WeakMap<Socket, number>()
  const write = Socket.prototype.write
  Socket.prototype.write = function (this: Socket, ...args: unknown[]) {
    const [chunk] = args
    const size = chunk instanceof Uint8Array ? chunk.byteLength : 0
    if (size >= VECTOR_BYTES) {
      const before = written.get(this) ?? 0
      if (before >= bytes) process.kill(process.pid, 'SIGKILL')
      written.set(this, before + size)
    }
    return Reflect.apply(write, this, args) as boolean
  } as Socket['write']
}
