/**
 * Loaded into every thread of a peer ahead of its own code (`node --import`). It tells what the thread holds, and ends
 * the process in the middle of a vector: only at the socket is it known how many bytes are on their way.
 */
import { Socket } from 'node:net'
import { BroadcastChannel, threadId } from 'node:worker_threads'
import { die } from './die.js'
import { CHANNEL, type BetweenThreads, type ThreadUse } from './protocol.js'

/** Smaller writes are control messages. */
const VECTOR_BYTES = 16 * 1024

const channel = new BroadcastChannel(CHANNEL)
channel.unref()
channel.onmessage = (event) => {
  const message = (event as { data: BetweenThreads }).data
  if (message.type === 'die-after') dieAfter(message.bytes, message.lock)
  else if (message.type === 'use?') channel.postMessage({ type: 'use', use: threadUse() } satisfies BetweenThreads)
}

export function threadUse(): ThreadUse {
  globalThis.gc?.()
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const { heapTotal, heapUsed, external } = process.memoryUsage()
  return { thread: threadId, heapUsed, reserve: heapTotal - heapUsed, external, timers }
}

/** Dies as soon as a socket has carried so many bytes of vectors. */
function dieAfter(bytes: number, lock: string): void {
  const written = new WeakMap<Socket, number>()
  const write = Socket.prototype.write
  Socket.prototype.write = function (this: Socket, ...args: unknown[]) {
    const [chunk, ...more] = args
    if (!(chunk instanceof Uint8Array) || chunk.byteLength < VECTOR_BYTES) return Reflect.apply(write, this, args)
    const before = written.get(this) ?? 0
    written.set(this, before + chunk.byteLength)
    if (before + chunk.byteLength < bytes) return Reflect.apply(write, this, args)
    Reflect.apply(write, this, [chunk.subarray(0, bytes - before)])
    die(lock)
    return Reflect.apply(write, this, [chunk.subarray(bytes - before), ...more])
  } as Socket['write']
}
