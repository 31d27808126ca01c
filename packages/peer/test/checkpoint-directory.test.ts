import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Checkpoints, findCheckpoint, listCheckpoints, writeCheckpoint } from '@peergrad/peer'
import { describe, expect, it } from 'vitest'
import { MANIFEST, fill, flip, LAYOUT, positionOf, scratch, store, vectorsOf } from './checkpoint-support.js'

const name = (round: number) => `round-${String(round).padStart(6, '0')}.safetensors`

/** A peer's directory with checkpoints of these rounds. */
async function peerDirectory(...rounds: readonly number[]) {
  const peer = scratch()
  const file = (round: number) => join(peer, 'checkpoints', name(round))
  for (const round of rounds) {
    await writeCheckpoint(file(round), { layout: LAYOUT, position: positionOf(round), vectors: vectorsOf(round) })
  }
  return { peer, file }
}

describe('the checkpoint to resume from', () => {
  it('is the newest of a peer’s directory, or of a directory of checkpoints', async () => {
    const { peer, file } = await peerDirectory(80, 120, 1_000_000)
    const newest = { file: file(1_000_000), position: positionOf(1_000_000), skipped: [] }
    expect(await findCheckpoint(peer)).toEqual(newest)
    expect(await findCheckpoint(join(peer, 'checkpoints'))).toEqual(newest)
    expect(await findCheckpoint(file(80))).toEqual({ file: file(80), position: positionOf(80), skipped: [] })
  })

  it('is the newest good one, and what is wrong with each newer one is said', async () => {
    const { peer, file } = await peerDirectory(80, 120, 160, 200)
    await truncate(file(200), 500)
    await flip(file(160), 400)
    await writeFile(join(peer, 'checkpoints', name(240)), 'text')
    await writeFile(join(peer, 'checkpoints', 'unfinished'), 'text')
    const found = await findCheckpoint(peer)
    expect(found.file).toBe(file(120))
    expect(found.skipped).toEqual([
      expect.stringContaining(`checkpoint ${file(240)}: got 4 bytes`),
      expect.stringContaining(`checkpoint ${file(200)}: it says that its header has`),
      expect.stringContaining(`checkpoint ${file(160)}: its header does not match its checksum`)
    ])
  })

  it.each([
    ['the one before it', [80, 120, 160], 120, 80],
    ['a newer one where there is no older', [120, 160], 120, 160],
    ['none where there is none', [120], 120, undefined]
  ])('of a file that is torn is refused, with %s', async (_what, rounds, torn, instead) => {
    const { file } = await peerDirectory(...rounds)
    await truncate(file(torn), 500)
    const offer = instead === undefined ? 'there is no other good one beside it' : `take ${file(instead)} instead`
    await expect(findCheckpoint(file(torn))).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringMatching(new RegExp(`^checkpoint ${file(torn)}: .*; ${offer}$`)) as unknown
    })
  })

  it('is none where all are torn, or there is none', async () => {
    const { peer, file } = await peerDirectory(80, 120)
    for (const round of [80, 120]) await truncate(file(round), 100)
    const error: unknown = await findCheckpoint(peer).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'corrupt' })
    for (const round of [80, 120]) expect(String(error)).toContain(file(round))
    await expect(findCheckpoint(scratch())).rejects.toMatchObject({ code: 'missing' })
    await expect(findCheckpoint(join(peer, 'none'))).rejects.toMatchObject({ code: 'missing' })
    await expect(findCheckpoint('/dev/null')).rejects.toMatchObject({ code: 'argument' })
  })
})

/** Checkpoints of states that are put into a store as they are needed. */
async function saver({ every = 10 } = {}) {
  const directory = join(scratch(), 'checkpoints')
  const opened = await store()
  const said: string[] = []
  const saved: number[] = []
  const log = (level: string) => (_fields: unknown, message: string) => said.push(`${level} ${message}`)
  const checkpoints = new Checkpoints({
    directory,
    every,
    store: opened,
    optimiser: MANIFEST.optimiser,
    layout: LAYOUT,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    onSaved: ({ round }) => saved.push(round)
  })
  const put = async (round: number) => {
    for (const [key, length] of [[`state:${round}`, 12] as const, [`state:${round}:state:0`, 9] as const]) {
      const lease = opened.lease(length)
      fill(lease.vector, round)
      await opened.put(key, lease)
    }
    return positionOf(round)
  }
  const rounds = async () => (await listCheckpoints(directory)).map(({ round }) => round)
  return { checkpoints, directory, store: opened, said, saved, put, rounds }
}

describe('checkpoints', () => {
  it('are due every so many rounds', async () => {
    const due = async (every: number) => {
      const { checkpoints } = await saver({ every })
      return [0, 1, 9, 10, 11, 20].filter((round) => checkpoints.due(round))
    }
    expect(await due(10)).toEqual([10, 20])
    expect(await due(1)).toEqual([1, 9, 10, 11, 20])
    expect(await due(0)).toEqual([])
  })

  it('are rotated: the newest three stay', async () => {
    const { checkpoints, put, rounds, saved, directory } = await saver()
    for (const round of [10, 20, 30, 40, 1_000_000]) await checkpoints.finish(await put(round))
    expect(await rounds()).toEqual([1_000_000, 40, 30])
    expect(saved).toEqual([10, 20, 30, 40, 1_000_000])
    expect((await readdir(directory)).sort()).toEqual([30, 40, 1_000_000].map(name).sort())
  })

  it('of a run that went back leave those of the rounds ahead until it comes there', async () => {
    const { checkpoints, put, rounds } = await saver()
    for (const round of [30, 40, 50]) await checkpoints.finish(await put(round))
    for (const round of [31, 32, 33, 34]) await checkpoints.finish(await put(round))
    expect(await rounds()).toEqual([50, 40, 34, 33, 32])
    await checkpoints.finish(await put(51))
    expect(await rounds()).toEqual([51, 50, 40])
  })

  it('hold the state as it was, whatever is deleted from the store meanwhile', async () => {
    const { checkpoints, put, store, directory } = await saver()
    const position = await put(10)
    const saving = checkpoints.save(position)
    await saving
    await store.delete(['state:10', 'state:10:state:0'])
    await checkpoints.finish(await put(11))
    expect(await findCheckpoint(join(directory, name(10)))).toMatchObject({ position })
  })

  it('are written one at a time: one that comes too soon is left out, and that is said', async () => {
    const { checkpoints, put, rounds, said, saved } = await saver()
    const positions = [await put(10), await put(20), await put(30)]
    const [first] = [checkpoints.save(positions[0]!), checkpoints.save(positions[1]!)]
    await first
    await checkpoints.finish(positions[2]!)
    expect(await rounds()).toEqual([30, 10])
    expect(saved).toEqual([10, 30])
    expect(said).toEqual(['debug no checkpoint of this round: the one before is still written'])
  })

  it('of the end of a run say so, also where there is one of that round', async () => {
    const { checkpoints, put, saved, directory } = await saver()
    const position = await put(10)
    await checkpoints.save(position)
    const last = { ...position, finished: true }
    expect(await checkpoints.finish(last)).toBe(join(directory, name(10)))
    expect(saved).toEqual([10, 10])
    expect(await findCheckpoint(directory)).toMatchObject({ position: last })
  })

  it('hold other vectors that the run needs', async () => {
    const { checkpoints, put, store } = await saver()
    const position = await put(10)
    const lease = store.lease(4)
    fill(lease.vector, 2)
    await store.put('residual', lease)
    const file = await checkpoints.finish(position, [{ name: 'residual.0', key: 'residual' }])
    expect(await findCheckpoint(file)).toMatchObject({ position })
  })

  it('that cannot be written in the background are logged, and the next one is tried', async () => {
    const { checkpoints, put, said, directory, rounds, store } = await saver()
    const position = await put(10)
    await writeFile(directory, 'in the way')
    await checkpoints.save(position)
    await expect(checkpoints.finish(position)).rejects.toMatchObject({ code: 'argument' })
    expect(said).toEqual([expect.stringMatching(/^warn no checkpoint of this round: checkpoint .*cannot be written/)])
    await checkpoints.save(positionOf(11))
    await expect(checkpoints.finish(positionOf(11))).rejects.toMatchObject({ code: 'missing' })
    const before = (await store.usage()).bytes
    await store.delete(['state:10', 'state:10:state:0'])
    expect((await store.usage()).bytes).toBeLessThan(before)
    expect(await rounds()).toEqual([])
  })

  it('on a full disk leave what was there', async () => {
    const { checkpoints, put, directory, rounds } = await saver()
    await checkpoints.finish(await put(10))
    const { symlink } = await import('node:fs/promises')
    // every write to /dev/full is answered with ENOSPC
    await symlink('/dev/full', join(directory, 'unfinished'))
    await expect(checkpoints.finish(await put(20))).rejects.toMatchObject({
      code: 'full',
      message: expect.stringContaining('the disk is full, expected room for') as unknown
    })
    expect(await readdir(directory)).toEqual([name(10)])
    expect(await rounds()).toEqual([10])
    await checkpoints.finish(await put(20))
    expect(await rounds()).toEqual([20, 10])
  })

  it('that nothing can be read of are none', async () => {
    const folder = scratch()
    await mkdir(join(folder, 'checkpoints'))
    await expect(findCheckpoint(folder)).rejects.toMatchObject({ code: 'missing' })
  })
})
