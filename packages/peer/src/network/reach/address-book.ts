import { randomBytes } from 'node:crypto'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PeergradError, type PeerId } from '@peergrad/core'
import { dialable, tellable, usableAddresses } from '../addresses.js'
import { keyOfPeerId } from '../peer-key.js'

const VERSION = 1
const PEERS = 256
/** Addresses of each. */
export const ADDRESSES = 8
/** Bytes of a file: as many peers and addresses as there may be, with room. */
const FILE_LIMIT = 1 << 20
/** Where a peer was longer ago says little of where it is, in milliseconds. */
const OLD = 30 * 24 * 3_600_000

export interface KnownPeer {
  readonly id: PeerId
  readonly addresses: readonly Multiaddr[]
  /** time of day in milliseconds when it was last connected */
  readonly seen: number
}

/**
 * The peers in a file that was kept, the newest first. A file is believed as little as a stranger: what is no peer, no
 * address or too much is left out. None when there is no file; error `corrupt` for one that is none of ours.
 */
export async function readAddressBook(file: string, now = Date.now()): Promise<KnownPeer[]> {
  const text = await readBounded(file)
  if (text === undefined) return []
  const entries = parse(text, file)
  return newest(entries.flatMap((entry) => knownPeer(entry)).filter(({ seen }) => Math.abs(now - seen) < OLD))
}

/** Addresses to join through, with the peer's id: the best one of each peer in the file. A bad file has none. */
export async function keptAddresses(file: string): Promise<string[]> {
  try {
    return (await readAddressBook(file)).flatMap(({ id, addresses }) => dialable(addresses.slice(0, 1), id))
  } catch {
    return []
  }
}

/** Those that a book has room for. */
export function newest(peers: readonly KnownPeer[]): KnownPeer[] {
  return [...peers].sort((a, b) => b.seen - a.seen).slice(0, PEERS)
}

/** Writes the peers whole or not at all: as many of the first ones as can be read again. */
export async function writeAddressBook(file: string, peers: readonly KnownPeer[]): Promise<void> {
  const head = `{"version":${VERSION},"peers":[\n`
  const tail = '\n]}\n'
  let room = FILE_LIMIT - head.length - tail.length
  const entries: string[] = []
  for (const { id, addresses, seen } of peers) {
    const entry = JSON.stringify({ id, addresses: tellable(addresses, ADDRESSES).map(String), seen })
    room -= Buffer.byteLength(entry) + 2
    if (room < 0) break
    entries.push(entry)
  }
  const temporary = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(temporary, `${head}${entries.join(',\n')}${tail}`, { mode: 0o600 })
    await rename(temporary, file)
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw thrown
  }
}

/** Undefined when there is no such file. */
async function readBounded(file: string): Promise<string | undefined> {
  let handle
  try {
    handle = await open(file)
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw corrupt(file, PeergradError.from(thrown).message)
  }
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(FILE_LIMIT + 1), 0, FILE_LIMIT + 1, 0)
    if (bytesRead > FILE_LIMIT) throw corrupt(file, `got more than ${FILE_LIMIT} bytes`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

function parse(text: string, file: string): readonly unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw corrupt(file, 'got no JSON')
  }
  if (typeof value === 'object' && value !== null && 'version' in value && 'peers' in value) {
    if (value.version === VERSION && Array.isArray(value.peers)) return value.peers
  }
  throw corrupt(file, `expected {version: ${VERSION}, peers}`)
}

function knownPeer(entry: unknown): KnownPeer[] {
  if (typeof entry !== 'object' || entry === null || !('id' in entry && 'addresses' in entry && 'seen' in entry))
    return []
  const { id, addresses, seen } = entry
  if (typeof id !== 'string' || !Array.isArray(addresses) || typeof seen !== 'number') return []
  try {
    keyOfPeerId(id)
  } catch {
    return []
  }
  const usable = usableAddresses(addresses, ADDRESSES)
  return usable.length === 0 ? [] : [{ id, addresses: usable, seen }]
}

function corrupt(file: string, what: string): PeergradError {
  return new PeergradError('corrupt', `address book: ${file}: ${what}; delete it to begin a new one`, { file })
}
