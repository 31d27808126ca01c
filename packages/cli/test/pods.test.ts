import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { RunResult } from '../src/outcome.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 90_000 })

const ROOT = join(import.meta.dirname, '..', '..', '..')
// each pod has an address of its own: all of 127.0.0.0/8 is this machine, on Linux
const NET = `127.${1 + (process.pid % 250)}.${1 + (Math.floor(process.pid / 250) % 250)}`

let folder: string
const running = new Set<ChildProcess>()
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'peergrad-pods-'))
})
afterAll(() => {
  for (const pod of running) if (pod.pid !== undefined) killGroup(pod.pid)
  rmSync(folder, { recursive: true })
})

/** A pod and the peer in it, however they end. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it is gone
  }
}

/** Starts a pod of two, as the StatefulSet does. */
function start(number: number) {
  const [hosts, self] = [[0, 1].map((each) => `${NET}.${each + 1}`), `${NET}.${number + 1}`]
  const env = {
    ...process.env,
    PEERGRAD_HOSTS: hosts.join(' '),
    PEERGRAD_SELF: self,
    PEERGRAD_ADDRESS: self,
    PEERGRAD_ARGS: '--memory 64 --engine wasm',
    PEERGRAD_PROGRAM: join(ROOT, 'packages', 'cli', 'bin', 'peergrad.js'),
    PEERGRAD_RUN: join(folder, 'run.yaml'),
    PEERGRAD_DATA: join(folder, String(number))
  }
  const script = join(ROOT, 'deploy', 'kubernetes', 'start.mjs')
  const pod = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  running.add(pod)
  let said = ''
  const waiting = new Set<() => void>()
  for (const stream of [pod.stdout, pod.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
      for (const wake of waiting) wake()
    })
  const ended = new Promise<number | null>((resolve) => pod.once('close', resolve))
  void ended.then(() => waiting.forEach((wake) => wake()))
  return {
    pod,
    ended,
    async saw(text: string): Promise<void> {
      while (!said.includes(text)) {
        if (pod.exitCode !== null) throw new Error(`ended before "${text}":\n${said}`)
        await new Promise<void>((wake) => waiting.add(wake))
      }
    }
  }
}

const probe = async (number: number, path: string) => (await fetch(`http://${NET}.${number + 1}:9464${path}`)).status

test.skipIf(process.platform !== 'linux')(
  'pods find each other in any order, stay when the run is over, and do not run it again',
  async () => {
    writeFileSync(join(folder, 'run.yaml'), 'dataset: synthetic\nmodel: mlp\npeers: 2\nrounds: 3\n')
    const late = start(1)
    const first = start(0)
    await Promise.all([first.saw('this pod waits to be ended'), late.saw('this pod waits to be ended')])
    const results = [0, 1].map(
      (number) => JSON.parse(readFileSync(join(folder, String(number), 'run', 'result.json'), 'utf8')) as RunResult
    )
    expect(results.map(({ rounds }) => rounds)).toEqual([3, 3])
    expect(results[0]!.peers[0]!.parametersHash).toBe(results[1]!.peers[0]!.parametersHash)
    for (const path of ['/healthz', '/readyz']) expect(await probe(0, path)).toBe(200)

    first.pod.kill('SIGTERM')
    expect(await first.ended).toBe(0)
    const again = start(0)
    await again.saw('this pod waits to be ended')
    expect(await probe(0, '/readyz')).toBe(200)
    for (const { pod } of [again, late]) pod.kill('SIGTERM')
    expect(await Promise.all([again.ended, late.ended])).toEqual([0, 0])
  }
)
