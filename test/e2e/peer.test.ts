import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { freePort } from '../../packages/store/test/free-port.js'
import { Cli, cli, LEAN, scratch, SMALL } from '../utils/cli.js'
import { found, joining, LOOPBACK } from '../utils/peers.js'

// several processes that each load libp2p and tfjs: seconds alone, more on a busy machine
vi.setConfig({ testTimeout: 120_000 })

const LOCAL = [...LEAN, ...LOOPBACK]

describe('peer', () => {
  test('the one command that it prints joins it, and takes the run from it', async () => {
    const founder = found('--peers', '2', '--rounds', '3')
    const { words } = await joining(founder)
    await founder.saw(/peergrad: waits for 1 of 2 peers\n/)
    const [first, second] = await Promise.all([founder.finished, cli(...words, '--out', scratch(), '--json')])
    expect([first.code, second.code]).toEqual([0, 0])
    expect(first.err.match(/peergrad: .* peers( are here)?$/gm)).toEqual([
      'peergrad: waits for 1 of 2 peers',
      'peergrad: all 2 peers are here'
    ])
    expect(second.err).not.toContain('waits for')
    const result = JSON.parse(second.out) as { model: string; peers: { parametersHash: string }[] }
    expect(result.model).toBe('mlp')
    expect(first.out).toContain(result.peers[0]!.parametersHash)
  })

  test('a peer of another run is refused, with the first field that differs', async () => {
    const founder = found('--peers', '2')
    const { address } = await joining(founder)
    const file = join(scratch(), 'other.yaml')
    writeFileSync(file, 'dataset: synthetic\nmodel: mlp\npeers: 2\nlr: 0.5\n')
    const refused = await cli('peer', '--run', file, '--join', address, ...LOCAL, '--out', scratch())
    expect(refused.code).toBe(6)
    expect(refused.err).toContain('optimiser')
    expect(refused.err).toContain('0.5')
    expect(refused.err).not.toMatch(/^\s+at /m)
  })

  test('another run than the command names is refused, and so is an id that is none', async () => {
    const founder = found('--peers', '2')
    const { address } = await joining(founder)
    const join = (id: string) => cli('peer', '--join', address, '--run-id', id, ...LOCAL, '--out', scratch())
    const [other, none] = await Promise.all([join('0'.repeat(32)), join('nonsense')])
    expect([other.code, none.code]).toEqual([6, 2])
    expect(other.err).toContain('expected 00000000')
    expect(none.err).toContain('expected 16 to 64 hexadecimal digits')
  })

  test('by invitation: one peer comes with the command, others with one of their own, and nobody without', async () => {
    const run = ['--peers', '3', '--rounds', '2', '--admission', 'invitation']
    const key = ['--identity', join(scratch(), 'founder.key')]
    const founder = found(...run, ...key)
    const { words } = await joining(founder)
    const place = words.indexOf('--invitation')
    const without = words.toSpliced(place, 2)
    const comes = (...more: string[]) => new Cli([...without, '--out', scratch(), ...more]).finished
    expect((await comes()).code).toBe(6)
    // two come at once: whoever is second ends before the run begins
    const two = [0, 1].map(() => comes('--invitation', words[place + 1]!))
    const second = await Promise.race(two)
    expect([second.code, second.err]).toEqual([6, expect.stringContaining('is for one peer, and')])
    const { out } = await cli('invite', '--dataset', 'synthetic', '--model', 'mlp', ...run, ...key)
    const third = await comes('--invitation', out.trim())
    const [first, ...both] = await Promise.all([founder.finished, ...two])
    expect([first!.code, third.code, ...both.map(({ code }) => code).sort()]).toEqual([0, 0, 0, 6])
    expect(first!.out).toContain('One peer can take part with this command')
  })

  test('a relay carries a run between peers that meet through it alone', async () => {
    const relay = new Cli(['relay', ...LOOPBACK, '--data-dir', scratch()])
    const [, via] = await relay.saw(/--via (\S+)/)
    const founder = found('--peers', '2', '--rounds', '2', '--via', via!)
    const { address } = await joining(founder)
    const through = `${via}/p2p-circuit/p2p/${address.split('/').at(-1)}`
    const [first, second] = await Promise.all([
      founder.finished,
      cli('peer', '--join', through, ...LOCAL, '--out', scratch())
    ])
    expect([first.code, second.code]).toEqual([0, 0])
    relay.process.kill('SIGINT')
    expect((await relay.finished).code).toBe(0)
  })

  test('no peer at the address: said in time, with code 4', async () => {
    const nobody = `/ip4/127.0.0.1/tcp/${await freePort()}/p2p/12D3KooWL8kTU9wawixwM6i1aYBQoxA9jZ5qitWzq2xV5BF9yJyg`
    const finished = await cli('peer', '--join', nobody, ...LOCAL, '--patience', '2', '--out', scratch())
    expect(finished.code).toBe(4)
    expect(finished.err).toContain('no peer of the run answered')
  })

  test('too few peers: said in time, with code 4', async () => {
    const finished = await found('--peers', '3', '--patience', '1').finished
    expect(finished.code).toBe(4)
    expect(finished.err).toContain('got 1 of 3 peers within 1 s')
  })

  test('Ctrl+C while it waits for others ends it with code 130', async () => {
    const founder = found('--peers', '2')
    await joining(founder)
    founder.process.kill('SIGINT')
    expect((await founder.finished).code).toBe(130)
  })

  test('is the same peer when it comes back, and never the same as another that runs', async () => {
    const data = scratch()
    const alone = [...SMALL, ...LOOPBACK, '--peers', '1', '--strategy', 'local', '--rounds', '1', '--data-dir', data]
    const ids = async (...more: string[]) => {
      const { code, out, err } = await cli('peer', ...alone, ...more, '--out', scratch(), '--json')
      expect(code, err).toBe(0)
      return (JSON.parse(out) as { peers: { id: string }[] }).peers.map(({ id }) => id)
    }
    const first = await ids()
    expect(await ids()).toEqual(first)

    const founder = found('--peers', '2', '--data-dir', data)
    const { address } = await joining(founder)
    expect(address).toContain(first[0])
    expect(await ids()).not.toEqual(first)
    const refused = await cli('peer', ...alone, '--identity', join(data, 'identity.key'), '--out', scratch())
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('a peer that runs on this machine has the key')
  })

  test('killed and started again with the same command, founder or not, on another port: it is in the run again', async () => {
    const events = (out: string) => join(out, 'events.ndjson')
    const rounds = async (out: string, least: number) => {
      const file = events(out)
      const count = () => (existsSync(file) ? readFileSync(file, 'utf8').split('"type":"round"').length - 1 : 0)
      await expect.poll(count, { timeout: 60_000 }).toBeGreaterThanOrEqual(least)
    }
    // of two, one that dies is waited for
    const run = ['--peers', '2', '--rounds', '60', '--checkpoint-every', '0']
    const [first, second] = [scratch(), scratch()]
    const founding = ['peer', ...SMALL, ...LOOPBACK, ...run, '--data-dir', scratch(), '--out', first]
    const founder = new Cli(founding)
    const { address } = await joining(founder)
    const command = ['peer', '--join', address, ...LOCAL, '--data-dir', scratch(), '--out', second]
    const joiner = new Cli(command)
    await rounds(second, 2)

    founder.process.kill('SIGKILL')
    await founder.finished
    // or the rounds of its first life are taken for those of its second
    rmSync(events(first))
    const founderAgain = new Cli(founding)
    await rounds(first, 2)
    // the founder is elsewhere now, and the joiner has to know that when it comes back
    const kept = () => readFileSync(join(second, 'peers.json'), 'utf8')
    await expect.poll(kept, { timeout: 60_000 }).not.toContain(address.split('/p2p/')[0])

    joiner.process.kill('SIGKILL')
    await joiner.finished
    const ended = await Promise.all([founderAgain.finished, new Cli([...command, '--json']).finished])
    expect(ended.map(({ code, err }) => [code, err])).toEqual(ended.map(({ err }) => [0, err]))
    const { peers } = JSON.parse(ended[1].out) as { peers: { parametersHash: string }[] }
    expect(ended[0].out).toContain(peers[0]!.parametersHash)
  })

  test('an identity file that is none', async () => {
    const file = join(scratch(), 'identity.key')
    writeFileSync(file, 'nonsense')
    const finished = await found('--identity', file).finished
    expect(finished.code).toBe(2)
    expect(finished.err).toContain(file)
    expect(finished.err).not.toContain('nonsense')
  })
})

describe('a hostile peer', () => {
  test('--attack makes an ordinary peer hostile: the others refuse what it gives and end the run', async () => {
    const out = scratch()
    const founder = new Cli(['peer', ...SMALL, ...LOOPBACK, '--out', out, '--peers', '3', '--rounds', '4'])
    const { words } = await joining(founder)
    const other = cli(...words, '--out', scratch())
    const hostile = new Cli([...words, '--out', scratch(), '--attack', 'nan', '--attack-schedule', 'start=1'])
    expect([(await founder.finished).code, (await other).code]).toEqual([0, 0])
    const events = readFileSync(join(out, 'events.ndjson'), 'utf8').trim().split('\n')
    const parsed = events.map((line) => JSON.parse(line) as { type: string; round?: number; offence?: string })
    expect(parsed).toContainEqual(expect.objectContaining({ type: 'refused', offence: 'non-finite' }))
    hostile.process.kill('SIGKILL')
  })

  test('--attack sybil is one process that comes as several peers, who all have a say in the rounds', async () => {
    const out = scratch()
    const founder = new Cli(['peer', ...SMALL, ...LOOPBACK, '--out', out, '--peers', '3', '--rounds', '2'])
    const { words } = await joining(founder)
    const sybil = cli(...words, '--out', scratch(), '--attack', 'sybil:identities=2')
    expect([(await founder.finished).code, (await sybil).code]).toEqual([0, 0])
    const events = readFileSync(join(out, 'events.ndjson'), 'utf8').trim().split('\n')
    const rounds = events
      .map((line) => JSON.parse(line) as { type: string; contributors: string[] })
      .filter(({ type }) => type === 'round')
    expect(rounds.map(({ contributors }) => new Set(contributors).size)).toEqual([3, 3])
  })
})
