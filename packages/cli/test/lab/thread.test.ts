import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
// a thread runs what is built
import { CellThread } from '../../dist/lab/thread.js'
import type { Settings } from '../../src/lab/axes.js'
import { isPlanned } from '../../src/lab/cells.js'
import { Laboratory } from '../../src/lab/simulated/laboratory.js'
import { simulateCell } from '../../src/lab/simulated/run.js'
import { planGrid } from '../fixtures/attacked.js'

describe('a thread of simulated cells', () => {
  let folder: string
  let thread: CellThread
  const workers: Worker[] = []
  const onWorker = (worker: Worker) => void workers.push(worker)
  beforeAll(() => {
    process.on('worker', onWorker)
    folder = mkdtempSync(join(tmpdir(), 'peergrad-lab-'))
    thread = new CellThread({ workers: 1, silence: 2000 })
  })
  afterAll(async () => {
    await thread.close()
    process.off('worker', onWorker)
    rmSync(folder, { recursive: true })
  })

  const cellOf = async (grid: Settings) => {
    const [cell] = (await planGrid({ aggregator: 'median', byzantine: 1, ...grid })).filter(isPlanned)
    return cell!
  }

  async function run(grid: Settings, { stop = new AbortController(), onRound = (_: number) => {} } = {}) {
    return thread.run(await cellOf(grid), { signal: stop.signal, onRound })
  }

  /** An attack of the user's by what it crafts with. */
  function attack(name: string, craft: string): string {
    const file = join(folder, `${name}.mjs`)
    const plugin = `{ name: '${name}', describe: 'mine', holds: 'mine', level: 'gradient', knows: [], craft() { ${craft} } }`
    writeFileSync(file, `export default () => (${plugin})`)
    return file
  }

  test('a cell gives what it gives in this one, and says its rounds', async () => {
    const cell = await cellOf({ attack: 'sign-flip' })
    const laboratory = new Laboratory({ workers: 1 })
    const here = await simulateCell({ cell, plan: cell.plan, laboratory, onRound: () => {} })
    await laboratory.close()
    const rounds: number[] = []
    const there = await run({ attack: 'sign-flip' }, { onRound: (each) => void rounds.push(each) })
    expect({ ...there, seconds: 0 }).toEqual({ ...here, seconds: 0 })
    expect(rounds.at(-1)).toBe(here.rounds)
  })

  test('what an attack throws keeps its code and its plug-in, and the next cell runs in the same thread', async () => {
    const throws = attack('throws', `throw new Error('no luck')`)
    await expect(run({ attack: throws })).rejects.toMatchObject({
      message: 'attack throws threw: no luck',
      data: { plugin: 'attack throws' }
    })
    expect(await run({ attack: 'none' })).toMatchObject({ ended: null })
  })

  test('an attack that never gives the thread back is named, and the next cell runs', async () => {
    const loops = attack('loops', 'for (;;);')
    await expect(run({ attack: loops })).rejects.toMatchObject({
      code: 'timeout',
      message: `attack ${loops} has kept the main thread of its cell for 2 s, so the cell was ended; a loop there must await something`,
      data: { plugin: `attack ${loops}` }
    })
    expect(await run({ attack: 'none' })).toMatchObject({ ended: null })
  })

  test('a thread that ends by itself is said so, and the next cell runs', async () => {
    await expect(run({ attack: attack('exits', 'process.exit(3)') })).rejects.toMatchObject({
      code: 'crashed',
      message: 'the thread of the cell ended, code 3'
    })
    expect(await run({ attack: 'none' })).toMatchObject({ ended: null })
  })

  test('a thread that ends or throws between two cells takes nothing with it, and the next cell runs', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const last of ['process.exit(3)', `throw new Error('no luck')`]) {
      const called = once(server, 'connection')
      const connect = `process.getBuiltinModule('node:net').connect(${port}, '127.0.0.1')`
      const late = attack(`late-${port}-${last.length}`, `globalThis.line ??= ${connect}.on('data', () => { ${last} })`)
      await run({ attack: late })
      const [line] = (await called) as [Socket]
      const worker = workers.at(-1)!
      const exited = new Promise((resolve) => worker.once('exit', resolve))
      line.on('error', () => undefined).write('go')
      await exited
      expect(await run({ attack: 'none' })).toMatchObject({ ended: null })
    }
    server.close()
  })

  test('a cell that is stopped rejects at once, also where its attack loops, and the next one runs', async () => {
    const stopped = async (name: string, when: 'before' | 'later') => {
      const stop = new AbortController()
      const end = () => stop.abort(new Error(`stopped ${when}`))
      if (when === 'before') end()
      await expect(run({ attack: name }, { stop, onRound: end })).rejects.toThrow(`stopped ${when}`)
      expect(await run({ attack: 'none' })).toMatchObject({ ended: null })
    }
    await stopped('none', 'before')
    await stopped('none', 'later')
    await stopped(attack('loops-later', 'if (globalThis.played) for (;;); globalThis.played = true'), 'later')
  })
})
