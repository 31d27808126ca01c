/**
 * `pnpm growth [STRATEGY …]`: simulates how strategies grow with the number of peers, all or those named, and draws it:
 * docs/growth holds the numbers, tables and picture. With `--draw` only the picture is made again. All of them take more
 * than two hours, and 17 GB.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'
import { run } from './run.mjs'

const ROOT = join(import.meta.dirname, '..')
const FOLDER = join(ROOT, 'docs', 'growth')
const FEW = [2, 4, 8, 16, 32, 64]
const MANY = [...FEW, 128, 256, 512]
/**
 * Numbers of peers, and those of which one round is simulated and not three, for n² vectors and 2n² hops take their time. Of
 * `scatter-reduce` there are as many parts as the model has floats, where that is less than the peers: with their pages and
 * merged parts 4n² vectors to 256 peers, and from there on 1,024n.
 */
const PEERS = {
  spirt: { peers: MANY, once: [1000] },
  'all-reduce': { peers: [...MANY, 1000] },
  'scatter-reduce': { peers: [...FEW, 128], once: [256, 512, 1000] },
  'all-gather': { peers: [...FEW, 128, 256], once: [512, 1000] },
  ring: { peers: [...FEW, 128], once: [256, 512, 1000] },
  mlless: { peers: [...FEW, 128], once: [256, 512, 1000] },
  diloco: { peers: [...FEW, 128], once: [256, 512, 1000] },
  gossip: { peers: [...MANY, 1000] }
}
const wanted = process.argv.slice(2).filter((word) => word !== '--draw')
const stray = wanted.find((name) => !Object.hasOwn(PEERS, name))
if (stray !== undefined) {
  process.stderr.write(`growth: got ${stray}, expected one of ${Object.keys(PEERS).join(', ')}\n`)
  process.exit(2)
}
const SIZES = ['--model-size', '256', '--latency', '10', '--bandwidth', '100']

const documents = []
for (const [strategy, { peers, once }] of Object.entries(PEERS)) {
  await simulate(strategy, join(FOLDER, strategy), ['--peers', peers.join()])
  if (once !== undefined)
    await simulate(strategy, join(FOLDER, strategy, 'once'), ['--peers', once.join(), '--rounds', '1'])
}

async function simulate(strategy, out, args) {
  if (!process.argv.includes('--draw') && (wanted.length === 0 || wanted.includes(strategy))) {
    const program = join(ROOT, 'packages', 'cli', 'bin', 'peergrad.js')
    const all = ['simulate', '--strategies', strategy, ...args, ...SIZES, '--out', out]
    const { code } = await run(process.execPath, [program, ...all], { stdio: 'inherit' })
    if (code !== 0) process.exit(code)
  }
  const numbers = join(out, 'simulate.json')
  if (existsSync(numbers)) documents.push(JSON.parse(readFileSync(numbers, 'utf8')))
}

const [{ modelFloats, computeMilliseconds, links }] = documents
const runs = documents.flatMap((document) => document.runs)
const values = runs.flatMap(({ strategy, peers, seconds, rounds, bytes }) =>
  Object.entries(bytes).map(([of, each]) => ({
    strategy,
    peers,
    rounds,
    milliseconds: (seconds * 1000) / rounds,
    perSecond: rounds / seconds,
    of,
    each
  }))
)
const axis = (field, title) => ({ field, title, type: 'quantitative', scale: { type: 'log' }, axis: { format: '~s' } })
const strategy = { field: 'strategy', sort: null, title: 'strategy' }
// how many rounds a point is the mean of: the last one of a run may cost more
const shape = { field: 'rounds', type: 'nominal', title: 'rounds', scale: { range: ['triangle-up', 'circle'] } }
const panel = (y, title, more = {}) => ({
  width: 380,
  height: 300,
  title,
  encoding: { x: axis('peers', 'peers'), y, color: strategy },
  layer: [
    { mark: 'line', encoding: more },
    { mark: { type: 'point', filled: true, size: 35 }, encoding: { shape } }
  ]
})
const view = new View(
  parse(
    compile({
      $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
      background: 'white',
      padding: 12,
      title: `A model of ${modelFloats} floats, a gradient in ${computeMilliseconds} ms, ${links.latency} ms one way, ${links.bandwidth} Mbit/s up and down`,
      data: { values },
      hconcat: [
        panel(axis('milliseconds', 'milliseconds'), 'Time per round'),
        panel(axis('perSecond', 'rounds per second'), 'Rounds per second'),
        panel(axis('each', 'bytes sent and received'), 'Bytes per peer and round', {
          strokeDash: { field: 'of', title: 'of the peers', sort: ['median', 'worst'] }
        })
      ]
    }).spec
  ),
  { renderer: 'none' }
)
writeFileSync(join(FOLDER, 'growth.svg'), `${await view.toSVG()}\n`)
