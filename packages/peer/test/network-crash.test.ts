import { Arena, type MeshEvents, type PeergradError } from '@peergrad/core'
import { createNetworkMesh, type NetworkMesh } from '@peergrad/peer'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, expect, it, vi } from 'vitest'
import { meets } from './meshes.js'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-crash-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The network thread of a mesh, seen when it is told something. */
function threadOf(mesh: NetworkMesh): Worker {
  const post = vi.spyOn(Worker.prototype, 'postMessage')
  mesh.hangUp('12D3KooWAeu67XS6YJgXn1aEMrNe5AtQGJhW1tdTtjWSroXbJHXr')
  const [worker] = post.mock.contexts
  post.mockRestore()
  return worker as Worker
}

const next = (mesh: NetworkMesh, type: 'connect' | 'disconnect') =>
  new Promise<void>((resolve) => {
    const off = mesh.on(type, () => {
      off()
      resolve()
    })
  })

/** Two meshes that are connected, and the arenas of their vectors. */
async function pair() {
  const arenas = [1, 2].map(() => Arena.create({ bytes: 8 << 20 }))
  const open = (index: number, bootstrap: string[] = []) =>
    createNetworkMesh({
      identityFile: join(folder, `key-${index}`),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topic: 'crash',
      memory: arenas[index].memory,
      bootstrap
    })
  const first = await open(0)
  const second = await open(1, await first.addresses())
  await Promise.all([meets(first, second.self), meets(second, first.self)])
  return { arenas, first, second }
}

/** Offers 20,000 bytes to another peer. Returns their digest. */
function serve(mesh: NetworkMesh, to: NetworkMesh, arena: Arena): string {
  const vector = arena.allocate(5000).fill(0.5)
  const digest = createHash('sha256')
    .update(new Uint8Array(vector.buffer, vector.byteOffset, 20_000))
    .digest('hex')
  mesh.admit([to.self])
  mesh.serve(digest, vector)
  return digest
}

const ends: [how: string, end: (thread: Worker) => Promise<unknown>][] = [
  ['ends', (thread) => thread.terminate()],
  [
    'throws',
    (thread) => {
      // as Node tells it: the error, then the exit
      thread.emit('error', new Error('thrown in the thread'))
      return thread.terminate()
    }
  ]
]

it.each(ends)(
  'a network thread that %s is started once again where it was, and then the mesh says that it ended',
  async (_how, end) => {
    const { arenas, first, second } = await pair()
    try {
      const digest = serve(first, second, arenas[0])

      const again = [next(second, 'disconnect'), next(first, 'disconnect')]
      await end(threadOf(first))
      await Promise.all(again)
      // said while the new thread starts
      const addresses = first.addresses()
      await Promise.all([next(second, 'connect'), next(first, 'connect')])
      expect((await addresses)[0]).toContain(first.self)

      const into = arenas[1].allocate(5000)
      await second.fetch({ digest, bytes: 20_000, from: [first.self], into, deadline: 10_000 })
      expect(into.every((value) => value === 0.5)).toBe(true)

      const beat = new Promise<string>((resolve) => second.on('beat', ({ from }) => resolve(from)))
      first.beat(Uint8Array.of(1))
      expect(await beat).toBe(first.self)

      const ended = new Promise<Error>((resolve) => first.on('ended', ({ error }) => resolve(error)))
      await end(threadOf(first))
      expect(((await ended) as PeergradError).code).toBe('crashed')
      await expect(first.addresses()).rejects.toMatchObject({ code: 'crashed' })
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  }
)

/** Ends the network thread of one of two; resolves when they are connected again. */
async function crash(mesh: NetworkMesh, other: NetworkMesh): Promise<void> {
  const lost = [next(mesh, 'disconnect'), next(other, 'disconnect')]
  await threadOf(mesh).terminate()
  await Promise.all(lost)
  await Promise.all([meets(mesh, other.self), meets(other, mesh.self)])
}

it('what answers a request of the thread that ended is not sent for one of the thread after it', async () => {
  const { first, second } = await pair()
  try {
    const asked = () => new Promise<MeshEvents['request']>((resolve) => first.on('request', resolve))
    const ask = (text: string) => second.request(first.self, Buffer.from(text), { deadline: 20_000 })
    const before = asked()
    const lost = ask('before').catch((error: PeergradError) => error.code)
    const { respond } = await before
    await crash(first, second)
    expect(await lost).toBe('unreachable')

    const after = asked()
    const answer = ask('after')
    const request = await after
    respond(Buffer.from('to before'))
    request.respond(Buffer.from('to after'))
    expect(Buffer.from(await answer).toString()).toBe('to after')
  } finally {
    await Promise.all([first.close(), second.close()])
  }
})

it('bytes on links are those of the threads together', async () => {
  const { arenas, first, second } = await pair()
  const fetch = (digest: string) => {
    const into = arenas[1].allocate(5000)
    return second.fetch({ digest, bytes: 20_000, from: [first.self], into, deadline: 10_000 })
  }
  const row = async () => {
    // an answer never comes before the rows that changed
    await first.addresses()
    return first.links()[0]
  }
  try {
    const digest = serve(first, second, arenas[0])
    await fetch(digest)
    const before = await row()
    expect(before.tensorBytesSent).toBeGreaterThanOrEqual(20_000)
    await crash(first, second)
    expect((await row()).controlBytesReceived).toBeGreaterThanOrEqual(before.controlBytesReceived)
    await fetch(digest)
    expect((await row()).tensorBytesSent).toBe(2 * before.tensorBytesSent)
  } finally {
    await Promise.all([first.close(), second.close()])
  }
})
