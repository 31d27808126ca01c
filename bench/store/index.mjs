/**
 * w ← w − η·mean(g_1 … g_K) where the vectors lie: in this process, inside Redis by our module, in the client of a
 * plain Redis, and as a naive client does it; interleaved rounds, medians, beside the time that a copy of the same bytes
 * takes. Then what else the module does, and what other clients of the server wait meanwhile.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Arena } from '@peergrad/core'
import { memoryStore, MODULE, PrivateServer, redisStore } from '@peergrad/store'
import { Redis } from 'ioredis'
import { machine } from '../machine.mjs'
import { startPinger } from './pinger.mjs'
import { stalls } from './stalls.mjs'

const FULL = { lengths: [2_300_000, 11_200_000], counts: [4, 16], rounds: 7 }
const QUICK = { lengths: [200_000], counts: [4], rounds: 2 }
const CHUNK = 1 << 18
/** some hundredth of the update is that many times its parameter */
const SIGNIFICANT = 60
const AIMS = { module: 20, memory: 1.5, accumulate: 1.15, stall: 10 }
// what one variant leaves behind is not the next one's time
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const OPTIMISER = { name: 'sgd', learningRate: 0.01 }

export async function run({ quick = false } = {}) {
  const { lengths, counts, rounds } = quick ? QUICK : FULL
  const built = existsSync(MODULE)
  const closing = []
  const start = async (peer, module) => {
    const server = await PrivateServer.start({ peer, memory: 3e9, ...(module && { module }) })
    closing.push(server)
    return server.url
  }
  try {
    const plain = await start('bench-plain')
    const module = built ? await start('bench-module', MODULE) : undefined
    const pinger = built ? await startPinger(module.slice('unix:'.length)) : undefined
    const idlePinger = built ? await startPinger(plain.slice('unix:'.length)) : undefined
    closing.push(pinger, idlePinger)
    const sizes = []
    for (const length of lengths) {
      for (const count of counts) sizes.push(await updates({ length, count, rounds, plain, module, pinger }))
    }
    const inside = []
    if (module !== undefined)
      for (const length of lengths) {
        const waits = await stalls({ length, rounds, module, pinger, idlePinger })
        // short works: more of them for as steady a median
        inside.push({ ...(await others({ length, rounds: 5 * rounds, module })), waits })
      }
    const text = report({ sizes, inside, rounds, built })
    process.stdout.write(text)
    if (!quick) writeFileSync(join(import.meta.dirname, '../results/store.md'), text)
  } finally {
    for (const each of closing.reverse()) await each?.close()
  }
}

/** Milliseconds of each variant at one size. */
async function updates({ length, count, rounds, plain, module, pinger }) {
  const arena = () => Arena.create({ bytes: Math.min(4000 * 2 ** 20, (2 * count + 10) * length * 4) })
  const stores = new Map([['memory', await memoryStore({ arena: arena() })]])
  const open = (url) => redisStore({ url, run: 'bench', peer: 'peer', arena: arena(), limit: 4e9 })
  if (module !== undefined) stores.set('redis, our module', await open(module))
  stores.set('redis, any server', await open(plain))
  if (process.env.REDISAI_URL) {
    const { redisAiStore } = await import('@peergrad/store')
    const url = process.env.REDISAI_URL
    stores.set('redisai', await redisAiStore({ url, run: 'bench', peer: 'peer', arena: arena(), limit: 4e9 }))
  }
  const gradients = Array.from({ length: count }, (_, k) => `g:${k}`)
  for (const store of stores.values()) {
    for (const [k, key] of ['w', ...gradients].entries()) {
      const lease = store.lease(length)
      for (let i = 0; i < length; i++) lease.vector[i] = ((i * (2 * k + 1) * 2_654_435) % 2_000_003) / 1e6 - 1
      await store.put(key, lease)
    }
  }
  const naive = await naiveClient(plain, length, count)
  const times = new Map([...stores.keys(), 'naive client', 'copy'].map((name) => [name, []]))
  const copy = copying(length, count)
  let stall = 0
  // the first round touches pages and starts workers
  for (let round = -1; round < rounds; round++) {
    for (const [name, store] of stores) {
      collect()
      const stop = name === 'redis, our module' ? await pinger.watch() : undefined
      const milliseconds = await timed(async () => {
        await store.average(gradients, 'mean')
        await store.applyUpdate({
          from: 'w',
          to: 'next',
          gradient: 'mean',
          optimiser: OPTIMISER,
          parameters: length,
          step: 1,
          learningRate: 0.01
        })
      })
      const longest = (await stop?.()) ?? 0
      await store.delete(['mean', 'next'])
      if (round < 0) continue
      times.get(name).push(milliseconds)
      stall = Math.max(stall, longest)
    }
    collect()
    const milliseconds = await timed(() => naive.step())
    collect()
    const copying = copy()
    if (round < 0) continue
    times.get('naive client').push(milliseconds)
    times.get('copy').push(copying)
  }
  await naive.close()
  for (const store of stores.values()) await store.close()
  return { length, count, stall, medians: new Map([...times].map(([name, all]) => [name, median(all)])) }
}

/** As one would write it first: fetch everything, loop, write back. */
async function naiveClient(url, length, count) {
  const redis = new Redis(url.slice('unix:'.length))
  const keys = Array.from({ length: count }, (_, k) => `naive:${k}`)
  const bytes = Buffer.from(new Float32Array(length).fill(0.5).buffer)
  for (const key of ['naive:w', ...keys]) await redis.set(key, bytes)
  return {
    async step() {
      const w = floats(await redis.getBuffer('naive:w'))
      const sum = new Float32Array(length)
      for (const key of keys) {
        const g = floats(await redis.getBuffer(key))
        for (let i = 0; i < length; i++) sum[i] += g[i]
      }
      for (let i = 0; i < length; i++) w[i] -= (0.01 * sum[i]) / count
      await redis.set('naive:w', Buffer.from(w.buffer, w.byteOffset, w.byteLength))
    },
    async close() {
      await redis.del('naive:w', ...keys)
      redis.disconnect()
    }
  }
}

/** What replies begin at is not aligned. */
function floats(buffer) {
  return new Float32Array(Uint8Array.from(buffer).buffer)
}

/**
 * Milliseconds of copies that read and write as many bytes as mean and step have to, K + 1 and 3 vectors; each its own, for
 * two that are copied again and again stay in the cache.
 */
function copying(length, count) {
  const pairs = Array.from({ length: (count + 4) / 2 }, () => ({
    from: new Float32Array(length).fill(1),
    to: new Float32Array(length).fill(2)
  }))
  return () => {
    const started = performance.now()
    for (const { from, to } of pairs) to.set(from)
    return performance.now() - started
  }
}

/** What else happens inside the module, beside the plain way for it. */
async function others({ length, rounds, module }) {
  const redis = new Redis(module.slice('unix:'.length))
  const waves = (step) => Buffer.from(Float32Array.from({ length }, (_, i) => Math.sin(i * step)).buffer)
  const vectors = { model: waves(0.7), update: waves(1.3) }
  const bytes = vectors.update
  const offsets = Array.from({ length: Math.ceil(length / CHUNK) }, (_, k) => k * CHUNK)
  const part = (vector, offset) => vector.subarray(4 * offset, 4 * Math.min(offset + CHUNK, length))
  const chunk = (offset) => part(bytes, offset)
  for (const [key, vector] of Object.entries(vectors)) {
    for (const offset of offsets) await redis.call('PEERGRAD.STAGE', `${key}:s`, length, offset, part(vector, offset))
    await redis.call('PEERGRAD.SEAL', `${key}:s`, key)
  }
  const works = {
    set: () => redis.set('plain', bytes),
    setChunks: () => Promise.all(offsets.map((offset) => redis.set(`plain:${offset}`, chunk(offset)))),
    accumulate: (round) =>
      Promise.all(
        offsets.map((offset) =>
          redis.call('PEERGRAD.ACCUMULATE', 'acc', length, rounds + 1, round + 1, offset, chunk(offset))
        )
      ),
    filter: () =>
      redis.call(
        'PEERGRAD.FILTER',
        'PARAMETER',
        'model',
        'update',
        'none',
        'sent',
        'rest',
        length,
        SIGNIFICANT,
        'FRESH'
      ),
    fetch: () => redis.getBuffer('plain')
  }
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, work] of Object.entries(works)) {
      collect()
      const milliseconds = await timed(() => work(round))
      if (round >= 0) times[name].push(milliseconds)
    }
    await redis.unlink('sent', 'rest')
  }
  await redis.flushall()
  redis.disconnect()
  return { length, ...Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)])) }
}

function report({ sizes, inside, rounds, built }) {
  const names = [...sizes[0].medians.keys()]
  const heading = sizes.map(({ length, count }) => `${(length / 1e6).toFixed(1)} M, K = ${count}`)
  const rows = names.map((name) => {
    const cells = sizes.map(({ medians }) => {
      const milliseconds = medians.get(name)
      return `${milliseconds.toFixed(1)} (${(medians.get('naive client') / milliseconds).toFixed(1)}×)`
    })
    return `| ${[name === 'copy' ? 'a copy of the same bytes' : name, ...cells].join(' | ')} |`
  })
  const worst = (of) => Math.max(...sizes.map(of))
  const module = 'redis, our module'
  const lines = [
    '# Store',
    '',
    `w ← w − η·mean(g_1 … g_K): milliseconds, median of ${rounds} interleaved rounds, and how many times the naive client's ` +
      'speed. "naive client" fetches all, loops in JavaScript and writes back; "any server" works column by column with ' +
      "core's kernels, and its mean goes to the server and back. The copy reads and writes as many bytes as the mean and the step have to.",
    '',
    `| | ${heading.join(' | ')} |`,
    `|---|${heading.map(() => '---|').join('')}`,
    ...rows,
    '',
    `- memory takes at most ${worst(({ medians }) => medians.get('memory') / medians.get('copy')).toFixed(2)} times the copy; aim: ${AIMS.memory}`
  ]
  if (built) {
    const least = Math.min(...sizes.map(({ medians }) => medians.get('naive client') / medians.get(module)))
    lines.push(
      `- our module is at least ${least.toFixed(1)} times as fast as the naive client; aim: ${AIMS.module}`,
      `- another client of the module's server waited, during mean and step, at most ${worst(({ stall }) => stall).toFixed(1)} ms for a PING; aim: ${AIMS.stall}`,
      '',
      '| inside the module | ' + inside.map(({ length }) => `${(length / 1e6).toFixed(1)} M`).join(' | ') + ' |',
      '|---|' + inside.map(() => '---|').join(''),
      row(inside, 'SET of the vector, ms', ({ set }) => set.toFixed(1)),
      row(inside, 'SET of the same chunks of 1 MiB, ms', ({ setChunks }) => setChunks.toFixed(1)),
      row(inside, 'accumulate on arrival, in these chunks, ms', ({ accumulate }) => accumulate.toFixed(1)),
      row(inside, `accumulate over SET (aim ${AIMS.accumulate})`, ({ set, accumulate }) =>
        (accumulate / set).toFixed(2)
      ),
      row(inside, 'accumulate over SET of the same chunks', ({ setChunks, accumulate }) =>
        (accumulate / setChunks).toFixed(2)
      ),
      row(inside, 'significance filter with its residual, ms', ({ filter }) => filter.toFixed(1)),
      row(inside, 'GET of the vector alone, ms', ({ fetch }) => fetch.toFixed(1)),
      ...['put', 'get', 'filter', 'median'].map((name) =>
        row(
          inside,
          `another client waits during ${name}, at most, ms (aim ${AIMS.stall}); one of an idle server`,
          ({ waits }) => `${waits[name].busy.toFixed(1)}; ${waits[name].idle.toFixed(1)}`
        )
      )
    )
  } else lines.push('- our module is not built: npm run build:module')
  if (!process.env.REDISAI_URL) lines.push('', 'RedisAI was not run: REDISAI_URL is not set.')
  return [...lines, '', machine(), ''].join('\n')
}

function row(inside, name, value) {
  return `| ${[name, ...inside.map(value)].join(' | ')} |`
}

async function timed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN
}
