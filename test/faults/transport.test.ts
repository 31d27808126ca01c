import { Arena, type MeshEvents } from '@peergrad/core'
import { createNetworkMesh, type NetworkMesh } from '@peergrad/peer'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { FaultControl } from './fault-control.js'

const LATE = 25_000
const folder = mkdtempSync(join(tmpdir(), 'peergrad-faulty-'))
afterAll(() => rmSync(folder, { recursive: true }))

vi.setConfig({ testTimeout: 60_000 })

describe('a faulty network', () => {
  const arena = Arena.create({ bytes: 16 << 20 })
  let control: FaultControl
  let a: NetworkMesh
  let b: NetworkMesh
  let c: NetworkMesh
  const off: (() => void)[] = []

  beforeAll(async () => {
    control = await FaultControl.start()
    const open = (name: string, bootstrap: string[]) =>
      createNetworkMesh({
        ...control.peer(name),
        identityFile: join(folder, name),
        topic: 'faults',
        memory: arena.memory,
        bootstrap
      })
    a = await open('a', [])
    const bootstrap = await a.addresses()
    ;[b, c] = await Promise.all(['b', 'c'].map((name) => open(name, bootstrap)))
    for (const mesh of [a, b, c]) {
      mesh.on('request', ({ payload, respond }) => respond(payload))
      await met(mesh, 2)
    }
  })
  afterEach(async () => {
    for (const remove of off.splice(0)) remove()
    await control.heal()
    await Promise.all([a, b, c].map((mesh) => met(mesh, 2)))
  })
  afterAll(async () => {
    await Promise.all([a, b, c].map((mesh) => mesh.close()))
    control.close()
  })

  const event = <K extends keyof MeshEvents>(
    mesh: NetworkMesh,
    type: K,
    wanted: (event: MeshEvents[K]) => boolean = () => true
  ) => new Promise<MeshEvents[K]>((resolve) => off.push(mesh.on(type, (seen) => void (wanted(seen) && resolve(seen)))))

  async function timed(work: Promise<unknown>): Promise<number> {
    const start = performance.now()
    await work
    return performance.now() - start
  }
  const ask = (from: NetworkMesh, to: NetworkMesh) => from.request(to.self, Buffer.from('?'), { deadline: LATE })

  const beat = (from: NetworkMesh, to: NetworkMesh, payload: string) => {
    const heard = event(
      to,
      'beat',
      (seen) => seen.from === from.self && Buffer.from(seen.payload).toString() === payload
    )
    from.beat(Buffer.from(payload))
    return heard
  }
  /** What became of it by now. */
  const stateOf = (work: Promise<unknown>) => Promise.race([work.then(() => 'done'), Promise.resolve('under way')])

  it('that delays is slow both ways, and between these two only', async () => {
    await control.set('a', [{ remote: 'b', delay: 150 }])
    expect(await timed(ask(a, b))).toBeGreaterThan(300)
    const slow = timed(ask(b, a))
    await ask(a, c)
    expect(await stateOf(slow)).toBe('under way')
    expect(await slow).toBeGreaterThan(300)
  })

  it('that loses is slow by what it takes to send again, and loses nothing', async () => {
    await control.set('a', [{ remote: '*', direction: 'out', loss: 1 }])
    expect(await timed(ask(a, b))).toBeGreaterThan(200)
    await Promise.all([beat(a, b, 'lost and sent again'), beat(a, c, 'lost and sent again')])
  })

  it('that is blocked lets nothing through until it is healed, and then all of it', async () => {
    await control.partition(['a'], ['b'])
    const asked = [ask(a, b), ask(b, a), beat(a, b, 'blocked'), beat(b, a, 'blocked')]
    await Promise.all([ask(a, c), ask(c, b), beat(a, c, 'open'), beat(c, b, 'open')])
    for (const waiting of asked) expect(await stateOf(waiting)).toBe('under way')
    await control.heal()
    await Promise.all(asked)
  })

  it('that is blocked one way carries beats the other way', async () => {
    await control.set('a', [{ remote: 'b', direction: 'out', block: true }])
    const held = beat(a, b, 'held')
    for (const payload of ['one', 'two', 'three']) await beat(b, a, payload)
    expect(await stateOf(held)).toBe('under way')
    await control.heal()
    await held
  })

  it('that is blocked for long costs the connection, at both ends by themselves, and they find each other again', async ({
    onTestFinished
  }) => {
    const gone = [
      event(a, 'disconnect', ({ peer }) => peer === b.self),
      event(b, 'disconnect', ({ peer }) => peer === a.self)
    ]
    const back = [
      event(a, 'connect', ({ peer }) => peer === b.self),
      event(b, 'connect', ({ peer }) => peer === a.self)
    ]
    // as peers do: who falls silent to everybody loses everybody
    const pulse = setInterval(() => [a, b, c].forEach((mesh) => mesh.beat(Uint8Array.of(1))), 500)
    onTestFinished(() => clearInterval(pulse))
    await control.partition(['a'], ['b'])
    await Promise.all(gone)
    for (const other of [a, b]) expect(other.connected()).toEqual([c.self])
    await control.heal()
    await Promise.all(back)
    clearInterval(pulse)
    await Promise.all([beat(a, b, 'again'), beat(b, a, 'again')])
  })

  it('that cuts a connection is healed by dialling again', async () => {
    const events = (['disconnect', 'connect'] as const).flatMap((type) => [
      event(a, type, ({ peer }) => peer === c.self),
      event(c, type, ({ peer }) => peer === a.self)
    ])
    await control.cut('a', 'c')
    await Promise.all(events)
    await Promise.all([beat(a, c, 'again'), beat(c, a, 'again'), ask(a, c)])
    expect(b.connected()).toHaveLength(2)
  })

  it('that is slow carries a transfer as fast as it can, and beats and requests beside it', async () => {
    const BYTES_A_SECOND = 125_000
    const vector = arena.allocate(100_000).fill(0.25)
    const parts = [0, 1, 2, 3].map(() => arena.allocate(24 * 1024))
    const digest = 'ab'.repeat(32)
    a.admit([b.self])
    a.serve(digest, vector)
    await control.set('a', [{ remote: 'b', direction: 'out', rate: BYTES_A_SECOND }])
    const lost: string[] = []
    off.push(a.on('disconnect', ({ peer }) => lost.push(peer)))
    const fetches = parts.map((into, index) =>
      b.fetch({
        digest,
        bytes: vector.byteLength,
        offset: index * into.byteLength,
        from: [a.self],
        into,
        deadline: LATE
      })
    )
    const all = timed(Promise.all(fetches))
    await beat(a, b, 'beside it')
    await ask(b, a)
    expect(await stateOf(all)).toBe('under way')
    const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(await all).toBeGreaterThan((bytes / BYTES_A_SECOND) * 1000)
    for (const into of parts) expect(into.every((value) => value === 0.25)).toBe(true)
    expect(lost).toEqual([])
    await a.unserve(digest)
    for (const used of [vector, ...parts]) arena.free(used)
  })

  it('of another process is controlled in the same way', async () => {
    const settings = {
      ...control.peer('d'),
      identityFile: join(folder, 'd'),
      topic: 'faults',
      bootstrap: await a.addresses()
    }
    const child = fork(new URL('../../packages/peer/test/network-child.mjs', import.meta.url), [
      JSON.stringify(settings)
    ])
    const exited = once(child, 'exit')
    const [{ self }] = (await once(child, 'message')) as [{ self: string }]
    const arrived = (type: 'connect' | 'disconnect') => event(a, type, ({ peer }) => peer === self)
    if (!a.connected().includes(self)) await arrived('connect')
    const cut = [arrived('disconnect'), arrived('connect')]
    await control.cut('d', 'a')
    await Promise.all(cut)
    await event(a, 'beat', ({ from }) => from === self)
    await control.partition(['d'], ['a'])
    const asked = a.request(self, Buffer.from('?'), { deadline: 300 })
    await expect(asked).rejects.toMatchObject({ code: 'timeout' })
    // the end of a process behind a partition is not seen either
    child.kill('SIGKILL')
    await exited
    await ask(a, b)
    expect(a.connected()).toContain(self)
    const seen = arrived('disconnect')
    await control.heal()
    await seen
    for (const mesh of [a, b, c]) mesh.hangUp(self)
  })
})

async function met(mesh: NetworkMesh, others: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const check = () => {
      if (mesh.connected().length < others) return
      remove()
      resolve()
    }
    const remove = mesh.on('connect', check)
    check()
  })
}
