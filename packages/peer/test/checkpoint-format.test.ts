import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PeergradError, type Layout } from '@peergrad/core'
import { CheckpointReader, findCheckpoint, writeCheckpoint } from '@peergrad/peer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LAYOUT, positionOf, scratch, sha256, vectorsOf } from './checkpoint-support.js'

const contents = () => ({ layout: LAYOUT, position: positionOf(7), vectors: vectorsOf(1) })

async function written(): Promise<{ file: string; bytes: Buffer }> {
  const file = join(scratch(), 'round-000007.safetensors')
  await writeCheckpoint(file, contents())
  return { file, bytes: await readFile(file) }
}

/** Reads a safetensors file by nothing but the format's description. */
function parse(bytes: Buffer) {
  const length = Number(bytes.readBigUInt64LE(0))
  const { __metadata__: metadata, ...tensors } = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as {
    __metadata__: Record<string, string>
  } & Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  const data = bytes.subarray(8 + length)
  const values = new Map<string, number[]>()
  let end = 0
  const byOffset = Object.entries(tensors).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0])
  for (const [name, { dtype, shape, data_offsets: offsets }] of byOffset) {
    expect([dtype, offsets[0]]).toEqual(['F32', end])
    end = offsets[1]
    expect(end - offsets[0]).toBe(4 * shape.reduce((product, size) => product * size, 1))
    values.set(
      name,
      Array.from({ length: (end - offsets[0]) / 4 }, (_, i) => data.readFloatLE(offsets[0] + 4 * i))
    )
  }
  expect(end).toBe(data.length)
  return { length, metadata, values }
}

async function refusal(file: string): Promise<PeergradError> {
  const thrown: unknown = await findCheckpoint(file).catch((error: unknown) => error)
  if (thrown instanceof PeergradError) return thrown
  throw new Error('nothing was refused')
}

describe('a checkpoint', () => {
  it('is a safetensors file that other tools read', async () => {
    const { file, bytes } = await written()
    const { length, metadata, values } = parse(bytes)
    expect((8 + length) % 8).toBe(0)
    expect(Object.values(metadata).every((value) => typeof value === 'string')).toBe(true)
    expect([...values.keys()]).toEqual(['dense/kernel', 'dense/bias', 'norm/moving_mean', 'optimiser.0'])
    expect(values.get('dense/bias')).toEqual([6.5, 7.5, 8.5])
    expect(values.get('optimiser.0')!.slice(0, 2)).toEqual([1, 3])
    expect(await readdir(join(file, '..'))).toEqual(['round-000007.safetensors'])
  })

  it('says where the run is, and the digest of each vector', async () => {
    const { file, bytes } = await written()
    const reader = await CheckpointReader.open(file)
    await reader.close()
    expect(reader.position).toEqual(positionOf(7))
    const data = bytes.subarray(bytes.length - 4 * 21)
    expect(reader.vectors).toEqual([
      { name: 'model', length: 12, digest: sha256(data.subarray(0, 48)) },
      { name: 'optimiser.0', length: 9, digest: sha256(data.subarray(48)) }
    ])
  })

  it('holds tensors of any name, and other vectors beside them', async () => {
    const names = ['7', '__proto__', 'sha256', '"', 'ü']
    const slots = names.map((name, i) => ({ name, shape: [1], offset: i, length: 1 }))
    const layout: Layout = { slots, parameters: 5, buffers: 0 }
    const [model, velocity] = vectorsOf(3).map((each) => {
      const vector = each.vector.subarray(0, 5)
      return { ...each, vector, digest: sha256(new Uint8Array(vector.buffer, vector.byteOffset, 20)) }
    })
    const file = join(scratch(), 'checkpoint')
    const vectors = [model!, velocity!, { ...velocity!, name: 'residual' }]
    await writeCheckpoint(file, { layout, position: positionOf(1), vectors })
    const { values } = parse(await readFile(file))
    expect([...values.keys()]).toEqual([...names, 'optimiser.0', 'residual'])
    await expect(findCheckpoint(file)).resolves.toMatchObject({ position: positionOf(1) })
    const reader = await CheckpointReader.open(file)
    await reader.close()
    reader.checkLayout(layout)
  })

  it('is not written with two tensors of one name', async () => {
    const slots = LAYOUT.slots.map((slot) => ({ ...slot, name: 'same' }))
    const twice = writeCheckpoint(join(scratch(), 'x'), { ...contents(), layout: { ...LAYOUT, slots } })
    await expect(twice).rejects.toMatchObject({ code: 'duplicate' })
    const [model] = vectorsOf(1)
    const named = { ...contents(), vectors: [model!, { ...model!, name: 'dense/bias' }] }
    await expect(writeCheckpoint(join(scratch(), 'x'), named)).rejects.toMatchObject({ code: 'duplicate' })
  })

  it('is not written when it could not be read', async () => {
    const folder = scratch()
    const position = { ...positionOf(1), lineage: { founder: 'peerAAAAAAAAAAAA', founded: -1 } }
    const unreadable = writeCheckpoint(join(folder, 'x'), { ...contents(), position })
    await expect(unreadable).rejects.toMatchObject({
      code: 'argument',
      message: expect.stringContaining('founded') as string
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('says so when it cannot be written', async () => {
    const folder = scratch()
    await writeFile(join(folder, 'file'), '')
    await expect(writeCheckpoint(join(folder, 'file', 'x'), contents())).rejects.toMatchObject({ code: 'argument' })
  })
})

describe('what is no whole checkpoint', () => {
  it('is noticed by any bit that differs', async () => {
    const { file, bytes } = await written()
    const places = fc.tuple(fc.nat(bytes.length - 1), fc.nat(7))
    await fc.assert(
      fc.asyncProperty(places, async ([byte, bit]) => {
        const changed = Buffer.from(bytes)
        changed[byte]! ^= 1 << bit
        await writeFile(file, changed)
        expect((await refusal(file)).code).toBe('corrupt')
      }),
      { numRuns: 500 }
    )
  })

  it('is noticed wherever it ends, and when something follows', async () => {
    const { file, bytes } = await written()
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        await writeFile(file, bytes.subarray(0, length))
        expect((await refusal(file)).code).toBe('corrupt')
      })
    )
    await writeFile(file, Buffer.concat([bytes, Buffer.alloc(4)]))
    expect((await refusal(file)).code).toBe('corrupt')
  })

  const header = (length: bigint, json = '', data = 0) => {
    const prefix = Buffer.alloc(8)
    prefix.writeBigUInt64LE(length)
    return Buffer.concat([prefix, Buffer.from(json), Buffer.alloc(data)])
  }
  const foreign = '{"weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'

  it.each([
    ['an empty file', Buffer.alloc(0), 'got 0 bytes'],
    ['text', Buffer.from('hello, this is text'), 'its header has'],
    [
      'a header longer than the file',
      header(1000n, '{}'),
      'it says that its header has 1000 bytes, expected at most 2'
    ],
    ['a header longer than any memory', header(2n ** 64n - 1n), 'it says that its header has'],
    ['a checkpoint of another program', header(BigInt(foreign.length), foreign, 8), 'it was not written by peergrad']
  ])('%s is refused', async (_what, bytes, message) => {
    const file = join(scratch(), 'checkpoint')
    await writeFile(file, bytes)
    const error = await refusal(file)
    expect(error.code).toBe('corrupt')
    expect(error.message).toContain(`checkpoint ${file}: `)
    expect(error.message).toContain(message)
  })

  /** The header of a good checkpoint with something else in it, and a checksum that is right. */
  function forged(bytes: Buffer, change: (json: string) => string): Buffer {
    const length = Number(bytes.readBigUInt64LE(0))
    const json = change(bytes.toString('utf8', 8, 8 + length)).replace(/[0-9a-f]{64}/, '0'.repeat(64))
    const whole = header(BigInt(Buffer.byteLength(json)), json)
    whole.write(sha256(whole), whole.indexOf('0'.repeat(64)))
    return Buffer.concat([whole, bytes.subarray(8 + length)])
  }

  it.each([
    [
      'a vector of more floats than the file has',
      /(\\"name\\":\\"model\\",\\"length\\":)12/,
      '$11000000000000',
      'bytes, expected'
    ],
    ['a vector of a part of a float', /(\\"name\\":\\"model\\",\\"length\\":)12/, '$112.5', 'vectors.0.length'],
    ['a round below 0', /(\\"round\\":)7/, '$1-7', 'position.round'],
    ['no place in the data', /\\"changes\\":\[.*?\}\]/, '\\"changes\\":[]', 'position.data.changes'],
    ['a field that nobody knows', /(\\"run\\":)/, '\\"more\\":1,$1', 'position'],
    ['a record that is no JSON', /\{\\"position/, '!$&', 'no JSON'],
    ['metadata twice', /,"dense\/kernel/, ',"__metadata__":null$&', 'no JSON'],
    ['a header that is no JSON', /\}\s*$/, '', 'no JSON']
  ])('a header with a good checksum that says %s is refused', async (_what, from, to, message) => {
    const { file, bytes } = await written()
    const lie = forged(bytes, (json) => json.replace(from, to))
    expect(lie.equals(bytes)).toBe(false)
    await writeFile(file, lie)
    const error = await refusal(file)
    expect([error.code, error.message]).toEqual(['corrupt', expect.stringContaining(message)])
  })

  it('a header that names other tensors is refused where the model is known', async () => {
    const { file, bytes } = await written()
    const change = async (from: string | RegExp, to: string) => {
      await writeFile(
        file,
        forged(bytes, (json) => json.replace(from, to))
      )
      const reader = await CheckpointReader.open(file)
      await reader.close()
      return () => reader.checkLayout(LAYOUT)
    }
    const shape = (message: string) =>
      expect.objectContaining({ code: 'shape', message: expect.stringContaining(message) as unknown }) as unknown
    expect(await change('', '')).not.toThrow()
    expect(await change('"dense/bias"', '"dense/other"')).toThrow(shape('tensor "dense/bias": got no such tensor'))
    expect(await change('[0,24]', '[0,28]')).toThrow(shape('tensor "dense/kernel"'))
    expect(await change('"optimiser.0":{"dtype":"F32"', '"optimiser.0":{"dtype":"F16"')).toThrow(shape('optimiser.0'))
    expect(await change(/\}\s*$/, ',"more":{}}')).toThrow(shape('got 5 tensors, expected the 4'))
    const vectors = /(\\"length\\":)12(.*\\"length\\":)9/
    expect(await change(vectors, '$113$28')).toThrow(shape('got a state of 13 floats, expected 12'))
  })
})
