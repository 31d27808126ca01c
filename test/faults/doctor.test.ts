import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { PROGRAM, scratch } from '../utils/cli.js'
import { BehindNat, OUTSIDE } from './behind-nat.js'

// two processes that load libp2p, and three limits of time that pass
vi.setConfig({ testTimeout: 90_000 })

interface Found {
  readonly check: string
  readonly status: string
  readonly fault?: string
  readonly data?: Readonly<Record<string, unknown>>
}

const impossible = BehindNat.impossible()
const why = impossible === undefined ? '' : ` (skipped: ${impossible})`

/** What a command prints until it ends, or until the pattern is there. */
async function output(command: readonly string[], until?: RegExp): Promise<string> {
  const [program = '', ...args] = command
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let text = ''
  const seen = new Promise<void>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (until?.test(text) === true) resolve()
    })
  })
  await Promise.race([ended, seen])
  return text
}

it.skipIf(impossible !== undefined)(
  `doctor behind a NAT and a firewall, on a small disk, with few files to open: names each, and nothing else${why}`,
  async () => {
    const folder = scratch()
    const small = join(folder, 'small')
    mkdirSync(small)
    const network = await BehindNat.make()
    onTestFinished(() => network.close())
    network.dropOutside(4009)
    const common = ['--memory', '64', '--data-dir', folder]
    const run = ['--dataset', 'synthetic', '--model', 'mlp', '--peers', '2', '--out', join(folder, 'peer')]
    const founder = ['peer', '--listen', `/ip4/${OUTSIDE.host}/tcp/4001`, ...run, ...common]
    const joining = /--join (\S+)/
    const told = await output([...network.outside.enter, process.execPath, PROGRAM, ...founder], joining)
    const address = joining.exec(told)?.[1] ?? ''
    const dropped = address.replace('/4001/', '/4009/')

    const asked = [PROGRAM, 'doctor', address, dropped, '--json', '--out', join(small, 'out'), ...common]
    const limits = `mount -t tmpfs -o size=1m none ${small} && ulimit -n 220 && exec "$@"`
    const within = [...network.host.enter, 'unshare', '-m', 'sh', '-c', limits, 'sh', process.execPath]
    const document = JSON.parse(await output([...within, ...asked])) as { sections: { findings: Found[] }[] }
    const found = document.sections.flatMap(({ findings }) => findings)
    expect(found.filter(({ status }) => status !== 'ok').map(({ status, fault }) => `${status} ${fault}`)).toEqual([
      'fail disk-full',
      'warn incoming-dropped',
      'warn behind-nat',
      'fail timeout',
      'fail few-open-files'
    ])
    expect(found.find(({ check }) => check === 'nat')?.data).toMatchObject({ kind: 'keeps-ports' })
    expect(found.filter(({ check }) => check === 'speed' || check === 'run').map(({ status }) => status)).toEqual([
      'ok',
      'ok'
    ])
  }
)
