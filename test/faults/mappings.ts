import { readFileSync } from 'node:fs'

const ARENA = 0x4000000n

/** Resident bytes of this process by kind of mapping; what V8's heaps and stacks have is under "anonymous". */
export function mappings(): Record<string, number> {
  const sums: Record<string, number> = {}
  let kind = ''
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const head = /^([0-9a-f]+)-[0-9a-f]+ (\S+) \S+ \S+ (\d+) *(.*)$/.exec(line)
    if (head !== null) kind = kindOf(BigInt(`0x${head[1]!}`), head[2]!, head[3]!, head[4]!)
    const resident = /^Rss: +(\d+)/.exec(line)
    if (resident !== null) sums[kind] = (sums[kind] ?? 0) + 1024 * Number(resident[1])
  }
  return sums
}

function kindOf(start: bigint, rights: string, inode: string, name: string): string {
  if (name === '[heap]') return 'malloc'
  if (inode !== '0') return 'file'
  if (rights.includes('x')) return 'code'
  if (rights.endsWith('s')) return 'shared'
  // malloc of other threads
  return start % ARENA === 0n && rights === 'rw-p' ? 'arena' : 'anonymous'
}
