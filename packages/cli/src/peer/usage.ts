import { readFileSync } from 'node:fs'
import type { PeerResult } from '@peergrad/peer'
import type { Usage } from '../protocol.js'

/** What this process used for the run, which is over. */
export function usageOf({ bytesSent, bytesReceived, tensorBytesSent, tensorBytesReceived }: PeerResult): Usage {
  return { bytesSent, bytesReceived, tensorBytesSent, tensorBytesReceived, peakMemoryBytes: peakMemory() }
}

/**
 * Bytes of memory that this process held at most. Linux counts what its parent held before `exec` into `maxRSS` (see
 * getrusage(2), and `setmax_mm_hiwater_rss` in fs/exec.c), so there the peak of this memory alone is read.
 */
function peakMemory(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    if (kibibytes !== undefined) return Number(kibibytes) * 1024
  } catch {
    // no Linux
  }
  return process.resourceUsage().maxRSS * 1024
}
