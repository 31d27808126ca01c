import { checkNumber, resolveOptions } from '@peergrad/core'
import { JSON_FLAG, type Command } from '../command.js'

const DEFAULTS = { peers: '2,4,8,16,32', latency: '10', bandwidth: '100' }
const SIZES = { 'model-size': '1000', compute: '50', rounds: '3' }

export const simulate: Command = {
  name: 'simulate',
  describe:
    'Runs strategies among many peers in this process, on a network in memory under a virtual clock: how bytes and time grow with the number of peers.',
  options: ['aggregator', 'filter', 'codec', 'seed', 'out'],
  meanings: {
    out: { describe: 'where simulate.json, simulate.md and simulate.csv go', defaultText: 'none are written' }
  },
  flags: {
    strategies: {
      type: 'text',
      placeholder: 'A,B',
      describe: 'architectures to run, with options behind a colon (default all that exchange something)'
    },
    peers: {
      type: 'text',
      placeholder: 'N,N',
      describe: `numbers of peers, each from 1 to 1,000 (default ${DEFAULTS.peers})`
    },
    latency: {
      type: 'text',
      placeholder: 'MS',
      describe: `milliseconds that a message takes one way (default ${DEFAULTS.latency})`
    },
    bandwidth: {
      type: 'text',
      placeholder: 'MBIT',
      describe: `Mbit/s that each peer can send, and as many that it can receive (default ${DEFAULTS.bandwidth})`
    },
    links: { type: 'text', placeholder: 'FILE', describe: 'YAML file of links that are not all alike' },
    'model-size': {
      type: 'text',
      placeholder: 'FLOATS',
      describe: `floats of the model (default ${SIZES['model-size']})`
    },
    compute: {
      type: 'text',
      placeholder: 'MS',
      describe: `milliseconds that a gradient takes (default ${SIZES.compute})`
    },
    rounds: { type: 'text', placeholder: 'N', describe: `rounds of each run (default ${SIZES.rounds})` },
    json: JSON_FLAG
  },
  examples: [
    ['peergrad simulate', 'every architecture among 2 to 32 peers'],
    [
      'peergrad simulate --strategies all-reduce --peers 100,1000 --bandwidth 1000 --latency 1',
      'a thousand peers in one data centre'
    ],
    ['peergrad simulate --links sites.yaml --model-size 100000 --out growth', 'links of your own; tables in growth/']
  ],
  async run({ options: given, flags }) {
    const { options } = resolveOptions({ flags: given })
    const { simulate: run } = await import('../simulate/simulate.js')
    const { readLinkPlan } = await import('../simulate/links.js')
    const { readRunFile } = await import('../run-file.js')
    const word = (name: keyof typeof DEFAULTS) => String(flags[name] ?? DEFAULTS[name])
    const whole = (name: keyof typeof SIZES, min: number, max: number) =>
      checkNumber(name, flags[name] ?? SIZES[name], { min, max }, name !== 'compute')
    const file = typeof flags['links'] === 'string' ? (await readRunFile(flags['links'])).values : {}
    const otherwise = {
      latency: checkNumber('latency', word('latency'), { min: 0, max: 60_000 }),
      bandwidth: checkNumber('bandwidth', word('bandwidth'), { above: 0, max: 1e6 })
    }
    return run({
      options,
      ...(typeof flags['strategies'] === 'string' && { list: flags['strategies'] }),
      peers: word('peers')
        .split(',')
        .map((count) => checkNumber('peers', count, { min: 1, max: 1000 }, true)),
      rounds: whole('rounds', 1, 10_000),
      links: readLinkPlan(file, otherwise),
      floats: whole('model-size', 5, 1e8),
      compute: whole('compute', 0, 1e7),
      json: flags['json'] === true
    })
  }
}
