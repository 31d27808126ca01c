import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Cli, scratch, SMALL } from '../utils/cli.js'
import { commandsOf } from '../utils/documents.js'
import { Internet, type Site } from './internet.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const impossible = Internet.impossible()

/** A run that is over in a second. */
const SHORT = [...SMALL, '--rounds', '3']

/** The command line on the host with this number, in a folder of its own: hosts share no keys and no files. */
async function hosts(sites: readonly Site[]): Promise<(number: number, args: readonly string[]) => Cli> {
  const internet = await Internet.lay(sites)
  onTestFinished(() => internet.close())
  return (number, args) => {
    const cwd = scratch()
    return new Cli([...args, '--data-dir', cwd], { cwd, within: internet.place(number).within })
  }
}

/** The words of the line that a peer prints for another host. */
const pasted = async (founder: Cli): Promise<string[]> => {
  const [, words] = await founder.saw(/^ +npx peergrad (peer --join .+)$/m)
  return words!.split(' ')
}

async function sameHash(founder: Cli, other: Cli): Promise<void> {
  const ends = await Promise.all([founder.finished, other.finished])
  expect(ends.map(({ code, err }) => (code === 0 ? '' : err))).toEqual(['', ''])
  const [one, two] = ends.map(({ out }) => /parameters.*: ([\da-f]{64})$/m.exec(out)?.[1])
  expect(one).toBeDefined()
  expect(two).toBe(one)
}

describe.skipIf(impossible !== undefined)(`a second host${impossible === undefined ? '' : `: ${impossible}`}`, () => {
  it('is brought in by one paste, after what the README says for the first one', async () => {
    const command = commandsOf('README.md').find(([name]) => name === 'peer')!
    const on = await hosts([0, 0])
    const founder = on(0, [...command, ...SHORT])
    const line = await pasted(founder)
    expect(line[2]).toMatch(/^\/ip4\/192\.168\.1\.2\/tcp\/4001\/p2p\//)
    await sameHash(founder, on(1, line))
  })

  it('comes in through a relay from behind another router; doctor finds that both routers let them through', async () => {
    const on = await hosts(['public', 0, 1])
    const [, via] = await on(0, ['relay', '--port', '4001']).saw(/--via (\S+)/)
    const founder = on(1, ['peer', '--peers', '2', '--via', via!, ...SHORT])
    const line = await pasted(founder)
    const [, , address] = line
    expect(address).toContain(`${via}/p2p-circuit/p2p/`)
    const doctor = await on(2, ['doctor', address!, '--json', '--memory', '64']).finished
    const { sections } = JSON.parse(doctor.out) as { sections: { findings: Finding[] }[] }
    const findings = sections.flatMap(({ findings }) => findings)
    expect(findings.filter(({ status }) => status !== 'ok').map(({ fault }) => fault)).toEqual(['behind-nat'])
    expect(findings.find(({ check }) => check === 'nat')?.data).toMatchObject({ kind: 'keeps-ports' })
    expect(findings.find(({ check }) => check === 'punch')?.data).toEqual({ how: 'punched' })
    // what passes between the two is measured without the relay
    expect(findings.map(({ check }) => check)).toContain('speed')
    await sameHash(founder, on(2, line))
  })
})

interface Finding {
  readonly check: string
  readonly status: string
  readonly fault?: string
  readonly data?: Readonly<Record<string, unknown>>
}
