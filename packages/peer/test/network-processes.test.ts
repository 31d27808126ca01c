import { Arena, PeergradError } from '@peergrad/core'
import type { Vector } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'
import type { NetworkMesh, NetworkMeshInit } from '@peergrad/peer'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'peergrad-processes-'))
const arena = Arena.create({ bytes: 32 << 20 })
const running = new Set<ChildProcess>()
const open = new Set<NetworkMesh>()

interface Said {
  self?: string
  addresses?: string[]
  connect?: string
  disconnect?: string
  message?: string
}

afterEach(async () => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
  await Promise.all([...open].map((mesh) => mesh.close()))
  open.clear()
})
afterAll(() => rmSync(folder, { recursive: true }))

async function start(name: string, init: Partial<NetworkMeshInit> = {}): Promise<NetworkMesh> {
  const mesh = await createNetworkMesh({ ...settings(name), memory: arena.memory, ...init })
  open.add(mesh)
  return mesh
}

function settings(name: string) {
  return { identityFile: join(folder, name), listen: ['/ip4/127.0.0.1/tcp/0'], topic: 'processes' }
}

async function startChild(name: string, init: object) {
  const child = fork(new URL('./network-child.mjs', import.meta.url), [JSON.stringify({ ...settings(name), ...init })])
  running.add(child)
  const said: Said[] = []
  const waiting = new Set<() => void>()
  child.on('message', (message: Said) => {
    said.push(message)
    for (const wake of waiting) wake()
  })
  const hear = (wanted: (message: Said) => boolean) =>
    new Promise<Said>((resolve) => {
      const check = () => {
        const found = said.find(wanted)
        if (found === undefined) return
        waiting.delete(check)
        resolve(found)
      }
      waiting.add(check)
      check()
    })
  const { self, addresses } = await hear((message) => message.self !== undefined)
  return { child, self: self ?? '', address: addresses?.[0] ?? '', hear, said }
}

const event = (mesh: NetworkMesh, type: 'connect' | 'disconnect', peer: string) =>
  new Promise<void>((resolve) => {
    const off = mesh.on(type, (seen) => {
      if (seen.peer !== peer) return
      off()
      resolve()
    })
  })
const fetch = (mesh: NetworkMesh, from: string, into: Vector) =>
  mesh.fetch({ digest: 'ab'.repeat(32), bytes: into.byteLength, from: [from], into, deadline: 20_000 })

describe('peers in processes of their own', () => {
  it('all meet through one of them', async () => {
    const first = await start('first')
    const bootstrap = await first.addresses()
    const others = await Promise.all(Array.from({ length: 3 }, (_, i) => start(`other-${i}`, { bootstrap })))
    const all = [first, ...others]
    const missing = () => all.filter((mesh) => mesh.connected().length < all.length - 1)
    await new Promise<void>((resolve) => {
      const check = () => missing().length === 0 && resolve()
      for (const mesh of all) mesh.on('connect', check)
      check()
    })
    expect(new Set(all.map(({ self }) => self)).size).toBe(4)
  })

  it('see at once that one was killed, and take it back when it starts again with its key', async () => {
    const mesh = await start('watcher')
    const bootstrap = await mesh.addresses()
    const child = await startChild('mortal', { bootstrap })
    await child.hear(({ connect }) => connect === mesh.self)
    const gone = event(mesh, 'disconnect', child.self)
    const into = arena.allocate(1_000_000)
    expect(await fetch(mesh, child.self, into)).toMatchObject({ lane: 'fast' })
    child.child.kill('SIGKILL')
    const killed = performance.now()
    await gone
    // by its connections closing: the monitor would take longer
    expect(performance.now() - killed).toBeLessThan(2000)
    await expect(fetch(mesh, child.self, into)).rejects.toMatchObject({ code: 'unreachable' })
    const back = event(mesh, 'connect', child.self)
    const again = await startChild('mortal', { bootstrap })
    await back
    expect(again.self).toBe(child.self)
    await again.hear(({ connect }) => connect === mesh.self)
    await fetch(mesh, child.self, into)
    expect(into.every((value) => value === 1)).toBe(true)
    arena.free(into)
  })

  it('are dialled again when the link is lost', async () => {
    const mesh = await start('patient')
    const port = Number((await mesh.addresses())[0]?.split('/')[4])
    const child = await startChild('faithful', { bootstrap: await mesh.addresses() })
    await child.hear(({ connect }) => connect === mesh.self)
    // the child knows the address and comes back by itself, again and again
    await mesh.close()
    open.delete(mesh)
    await child.hear(({ disconnect }) => disconnect === mesh.self)
    const again = await start('patient', { listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    await event(again, 'connect', child.self)
    expect(again.self).toBe(mesh.self)
  })

  it('lose nothing while the main thread is blocked', async () => {
    const mesh = await start('busy')
    const child = await startChild('lively', { bootstrap: await mesh.addresses() })
    await child.hear(({ connect }) => connect === mesh.self)
    const lost: string[] = []
    mesh.on('disconnect', ({ peer }) => lost.push(peer))
    const heard = new Promise<string>((resolve) =>
      mesh.on('message', ({ payload }) => resolve(Buffer.from(payload).toString()))
    )
    child.child.send('announce')
    // longer than the connection monitor's patience
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 8000)
    expect(await heard).toBe('from the child')
    await mesh.announce(Buffer.from('still here'))
    await child.hear(({ message }) => message === 'still here')
    expect(lost).toEqual([])
    expect(child.said.filter(({ disconnect }) => disconnect !== undefined)).toEqual([])
  })

  it('of another run answer requests and do not become members', async () => {
    const [ours, theirs] = await Promise.all([start('ours'), start('theirs', { topic: 'another' })])
    const asked = new Promise<string>((resolve) => {
      theirs.on('request', ({ from, refuse }) => {
        refuse(new PeergradError('refused', 'the runs differ at "lr"', { field: 'lr' }))
        resolve(from)
      })
    })
    const peer = await ours.dial((await theirs.addresses())[0] ?? '')
    await expect(ours.request(peer, Buffer.from('join'), { deadline: 10_000 })).rejects.toMatchObject({
      code: 'refused',
      data: { field: 'lr' }
    })
    expect(await asked).toBe(ours.self)
    expect(ours.connected()).toEqual([])
  })

  it('of another run on the same topic are hung up on, and may come again', async () => {
    const [ours, theirs] = await Promise.all([start('hangs up'), start('comes again')])
    const met = [event(ours, 'connect', theirs.self), event(theirs, 'connect', ours.self)]
    await theirs.dial((await ours.addresses())[0] ?? '')
    await Promise.all(met)
    const gone = [event(ours, 'disconnect', theirs.self), event(theirs, 'disconnect', ours.self)]
    const back = event(theirs, 'disconnect', ours.self).then(() => event(ours, 'connect', theirs.self))
    ours.hangUp(theirs.self)
    await Promise.all(gone)
    await back
  })
})
