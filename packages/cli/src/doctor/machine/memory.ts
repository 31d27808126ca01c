import { Arena, type Options } from '@peergrad/core'
import { bytes } from '../../output/units.js'
import { findings, type Finding } from '../finding.js'

const { ok, warn, failed } = findings('memory')

/** Bytes that a peer takes beside its vectors: Node, libp2p, the engine and its workers. */
const BESIDE = 400e6

/** Whether there is room for the vectors of a peer. They take address space at once, and memory when they are written. */
export function memory(options: Pick<Options, 'memory'>, available = process.availableMemory()): Finding {
  const vectors = options.memory * 2 ** 20
  try {
    Arena.create({ bytes: vectors })
  } catch (thrown) {
    return failed(thrown, 'no-address-space')
  }
  const found = `${bytes(available)} to be had; a peer takes up to ${bytes(vectors)} for vectors (--memory) and some ${bytes(BESIDE)} beside`
  const data = { available, vectors }
  if (available >= vectors + BESIDE) return ok(found, data)
  return warn('little-memory', found, 'end other programs, lower --memory, or take a smaller model', data)
}
