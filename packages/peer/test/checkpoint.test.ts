import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena, type Layout, type RunManifest } from '@peergrad/core'
import { readCheckpoint, writeCheckpoint, type CheckpointPosition } from '@peergrad/peer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const layout: Layout = {
  slots: [
    { name: 'dense/kernel', shape: [2, 3], offset: 0, length: 6 },
    { name: 'dense/bias', shape: [3], offset: 6, length: 3 }
  ],
  parameters: 9,
  buffers: 0
}
const position: CheckpointPosition = {
  run: 'f'.repeat(64),
  manifest: { version: 1, model: 'mlp' } as RunManifest,
  round: 7,
  step: 7,
  data: { epoch: 0, start: 0, changes: [{ round: 0, members: ['peerAAAAAAAAAAAA'] }] }
}

let directory: string
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'peergrad-'))))
afterEach(() => rm(directory, { recursive: true }))

function vectors() {
  const arena = Arena.create({ bytes: 1 << 20 })
  return [1, 2].map((scale) => {
    const vector = arena.allocate(9)
    vector.forEach((_, index) => (vector[index] = scale * (index + 0.5)))
    return vector
  })
}

describe('a checkpoint', () => {
  it('is a safetensors file with the position in it', async () => {
    const file = join(directory, 'deep', 'checkpoint.safetensors')
    await writeCheckpoint(file, layout, vectors(), position)
    const bytes = await readFile(file)
    const length = Number(bytes.readBigUInt64LE(0))
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
      string,
      { data_offsets: [number, number] }
    >
    expect((8 + length) % 8).toBe(0)
    expect(header['dense/bias']).toEqual({ dtype: 'F32', shape: [3], data_offsets: [24, 36] })
    expect(header['optimiser.0']).toEqual({ dtype: 'F32', shape: [9], data_offsets: [36, 72] })
    expect(bytes.readFloatLE(8 + length + 24)).toBe(6.5)
    const read = await readCheckpoint(file)
    expect(read.position).toEqual(position)
    expect(read.data.readFloatLE(36)).toBe(1)
    expect(await readdir(join(directory, 'deep'))).toEqual(['checkpoint.safetensors'])
  })

  it.each([
    ['cut short', (file: string) => truncate(file, 300)],
    [
      'changed',
      async (file: string) => {
        const bytes = await readFile(file)
        bytes[bytes.length - 1] ^= 1
        await writeFile(file, bytes)
      }
    ],
    ['of another program', (file: string) => writeFile(file, Buffer.from('\x02\0\0\0\0\0\0\0{}'))],
    ['no checkpoint at all', (file: string) => writeFile(file, 'hello, this is text')]
  ])('that is %s is refused', async (_what, spoil) => {
    const file = join(directory, 'checkpoint.safetensors')
    await writeCheckpoint(file, layout, vectors(), position)
    await spoil(file)
    await expect(readCheckpoint(file)).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('says so when it cannot be written', async () => {
    await writeFile(join(directory, 'file'), '')
    const written = writeCheckpoint(join(directory, 'file', 'x'), layout, vectors(), position)
    await expect(written).rejects.toMatchObject({ code: 'argument' })
  })

  it('on a full disk says how much room it needs, and leaves what was there', async () => {
    await expect(writeCheckpoint('/dev/full/x', layout, vectors(), position)).rejects.toMatchObject({
      code: 'argument'
    })
  })
})
