import {
  decodeTensorHeader,
  decodeTensorRequest,
  encodeTensorHeader,
  encodeTensorRequest,
  PeergradError,
  TENSOR_BLOCK_ELEMENTS,
  TENSOR_HEADER_BYTES,
  TENSOR_REQUEST_BYTES
} from '@peergrad/core'
import type { TensorHeader } from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const headers = fc
  .tuple(
    digests,
    fc.integer({ min: 0, max: 2 ** 19 - 1 }),
    fc.integer({ min: 1, max: 2 ** 28 }),
    fc.integer({ min: 0, max: 2 ** 28 })
  )
  .map(([digest, block, count, rest]): TensorHeader => {
    const offset = block * TENSOR_BLOCK_ELEMENTS
    return { status: 'ok', dtype: 'f32', digest, offset, count, total: offset + count + rest }
  })

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return error instanceof PeergradError ? error.code : `not ours: ${String(error)}`
  }
  return 'nothing thrown'
}

describe('tensor header', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(headers, (header) => void expect(decodeTensorHeader(encodeTensorHeader(header))).toEqual(header))
    )
    for (const status of ['missing', 'refused', 'busy'] as const) {
      expect(decodeTensorHeader(encodeTensorHeader({ status }))).toEqual({ status })
    }
  })

  it('has the documented bytes', () => {
    const digest = 'ab'.repeat(32)
    const bytes = encodeTensorHeader({ status: 'ok', dtype: 'f32', digest, offset: 1024, count: 3, total: 1029 })
    expect(bytes.byteLength).toBe(TENSOR_HEADER_BYTES)
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `50475448${'0100'}${'01'}${'01'}${'00040000'}${'03000000'}${'05040000'}${'00000000'}${'0c00000000000000'}${digest}`
    )
  })

  it('never throws anything but `corrupt` on foreign bytes', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 80 })
    fc.assert(fc.property(bytes, (foreign) => void expect(codeOf(() => decodeTensorHeader(foreign))).toBe('corrupt')))
    fc.assert(fc.property(bytes, (foreign) => void expect(codeOf(() => decodeTensorRequest(foreign))).toBe('corrupt')))
  })

  it('notices a change of any byte outside of the digest that breaks a rule, and of any reserved one', () => {
    const base = { status: 'ok', dtype: 'f32', digest: '00'.repeat(32), offset: 2048, count: 5, total: 2053 } as const
    for (let at = 0; at < 32; at++) {
      // a larger whole breaks no rule: the receiver compares it with what was announced
      if (at >= 16 && at < 19) continue
      const bytes = encodeTensorHeader(base)
      bytes[at] = (bytes[at] ?? 0) ^ 0xff
      expect(
        codeOf(() => decodeTensorHeader(bytes)),
        `byte ${at}`
      ).toBe('corrupt')
    }
  })

  it('refuses to write what it would not read', () => {
    const digest = '00'.repeat(32)
    for (const extent of [
      { offset: 1, count: 1, total: 2 },
      { offset: 0, count: 0, total: 2 },
      { offset: 1024, count: 2, total: 1025 },
      { offset: 0, count: 1, total: 2 ** 30 + 1 }
    ]) {
      expect(codeOf(() => encodeTensorHeader({ status: 'ok', dtype: 'f32', digest, ...extent }))).toBe('argument')
    }
    for (const request of [
      { digest: 'no', offset: 0, count: 0 },
      { digest, offset: 5, count: 0 },
      { digest, offset: 0, count: -1 },
      { digest, offset: 0, count: 0.5 },
      { digest, offset: 0, count: 2 ** 30 + 1 }
    ]) {
      expect(codeOf(() => encodeTensorRequest(request))).toBe('argument')
    }
  })
})

describe('tensor request', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(digests, fc.nat(2 ** 20 - 1), fc.nat(2 ** 30), (digest, block, count) => {
        const request = { digest, offset: block * TENSOR_BLOCK_ELEMENTS, count }
        const bytes = encodeTensorRequest(request)
        expect(bytes.byteLength).toBe(TENSOR_REQUEST_BYTES)
        expect(decodeTensorRequest(bytes)).toEqual(request)
      })
    )
  })
})
