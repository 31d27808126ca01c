import { expect, test } from 'vitest'
import { Cli, scratch } from '../utils/cli.js'

interface Case {
  readonly strategy: string
  /** 1 unless given: for strategies whose steps are fewer, or older */
  readonly epochs?: number
  /** 4 unless given */
  readonly peers?: number
}

const ALL: readonly Case[] = [
  { strategy: 'local', peers: 1 },
  { strategy: 'all-reduce' },
  { strategy: 'all-reduce:every=4', epochs: 2 },
  { strategy: 'scatter-reduce' },
  { strategy: 'scatter-reduce:every=4', epochs: 2 },
  { strategy: 'spirt' },
  { strategy: 'spirt:minibatches=1' },
  { strategy: 'all-gather' },
  { strategy: 'mlless:v=0' },
  { strategy: 'mlless' },
  { strategy: 'mlless:v=2' },
  { strategy: 'ring' },
  { strategy: 'gossip' },
  { strategy: 'gossip:async=true', epochs: 2 },
  { strategy: 'diloco', epochs: 2 }
]

/** `pnpm test:accuracy` trains all of them; without it twenty rounds of one show that this still runs. */
const whole = process.env['PEERGRAD_ACCURACY'] === 'all'
const cases: readonly Case[] = whole ? ALL : [{ strategy: 'gossip:async=true' }]

test.each(cases)(
  '$strategy trains MNIST with a process for each peer',
  { timeout: 900_000 },
  async ({ strategy, epochs = 1, peers = 4 }) => {
    const length = whole ? ['--epochs', String(epochs)] : ['--rounds', '20', '--minibatches', '1', '--lr', '0.001']
    const train = new Cli([
      'train',
      '--strategy',
      strategy,
      '--peers',
      String(peers),
      ...length,
      '--evaluate-every',
      '0',
      '--json',
      '--out',
      scratch()
    ])
    const { code, out, err } = await train.finished
    expect(code, err).toBe(0)
    const result = JSON.parse(out) as { accuracy: number }
    if (whole) process.stderr.write(`${strategy}, ${epochs} of MNIST: ${(100 * result.accuracy).toFixed(2)} %\n`)
    expect(result).toMatchObject({ dataset: 'mnist', evaluatedSamples: 10_000, agreed: true })
    expect(result).toMatchObject({ peers: Array(peers).fill({ status: 'finished' }) })
    expect(result.accuracy).toBeGreaterThanOrEqual(whole ? 0.97 : 0.3)
  }
)
