/**
 * Both lanes of the bulk protocol beside bare TCP and bare node:tls: two processes on loopback, interleaved rounds,
 * medians. The ratios are to node:tls in the same run.
 */
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '../../packages/peer/node_modules/@libp2p/crypto/dist/src/keys/index.js'
import { generateCertificate } from '../../packages/peer/node_modules/@libp2p/tls/dist/src/utils.js'
import { MEGABYTES } from './vectors.mjs'

const PEER = join(import.meta.dirname, '../../packages/peer')
const LANES = ['tcp', 'tls', 'stream', 'fast']
const NAMES = { tcp: 'bare TCP', tls: 'bare node:tls', stream: 'stream lane', fast: 'fast lane' }
const TARGETS = { stream: 0.45, fast: 0.9 }

export async function run({ quick = false } = {}) {
  const sizes = quick ? [1] : MEGABYTES
  const rounds = quick ? 1 : 9
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-transfer-'))
  const sender = await started('sender.mjs', folder)
  const receiver = await started('receiver.mjs', folder)
  const results = new Map(sizes.flatMap((size) => LANES.map((lane) => [`${lane} ${size}`, []])))
  const memory = new Map()
  let senderBlock
  try {
    const credentials = await generateCertificate(await generateKeyPair('Ed25519'))
    const listening = await ask(sender, { type: 'credentials', credentials })
    const { peers } = await ask(receiver, { type: 'start', ...listening })
    await ask(sender, { type: 'admit', peers })
    // the first rounds touch the pages, open the sockets and let the compiler optimise; the last of them looks at memory
    for (let round = quick ? -2 : -12; round < rounds; round++) {
      if (round === 0) await ask(sender, { type: 'statistics' })
      for (const size of sizes) {
        for (const lane of LANES) {
          const before = await ask(sender, { type: 'cpu' })
          const result = await ask(receiver, { type: 'pull', lane, megabytes: size, watched: round === -1 })
          const after = await ask(sender, { type: 'cpu' })
          result.cpuOfSender = (after.user + after.system - before.user - before.system) / 1000
          if (round === -1) memory.set(lane, Math.max(result.memory, memory.get(lane) ?? 0))
          if (round >= 0) results.get(`${lane} ${size}`).push(result)
        }
      }
    }
    senderBlock = (await ask(sender, { type: 'statistics' })).longestBlockMilliseconds
  } finally {
    await Promise.all([stopped(sender), stopped(receiver)])
    rmSync(folder, { recursive: true })
  }
  const text = report(sizes, rounds, results, memory, senderBlock)
  process.stdout.write(text)
  if (!quick) writeFileSync(join(import.meta.dirname, '../results/transfer.md'), text)
}

function report(sizes, rounds, results, memory, senderBlock) {
  const speed = (lane, size) =>
    (size * 1000) / median(results.get(`${lane} ${size}`).map((result) => result.milliseconds))
  const all = (lane, field) => sizes.flatMap((size) => results.get(`${lane} ${size}`).map((result) => result[field]))
  const largest = sizes.at(-1)
  const rows = LANES.map((lane) => {
    const speeds = sizes.map((size) => speed(lane, size).toFixed(0))
    const ratio = (speed(lane, largest) / speed('tls', largest)).toFixed(2)
    const block = lane in TARGETS ? Math.max(...all(lane, 'block')).toFixed(0) : ''
    const cpu = ['cpuOfSender', 'cpu'].map((field) => {
      return median(results.get(`${lane} ${largest}`).map((result) => result[field])).toFixed(0)
    })
    return `| ${[NAMES[lane], ...speeds, ratio, lane in TARGETS ? `≥ ${TARGETS[lane]}` : '', cpu.join(' + '), (memory.get(lane) / 1e6).toFixed(0), block].join(' | ')} |`
  })
  const columns = [...sizes.map((size) => `${size} MB`), 'ratio', 'aim', 'CPU, ms', 'memory, MB', 'block, ms']
  return [
    '# Transfer',
    '',
    `MB/s (1 MB = 1e6 B) of one vector from one process to another over loopback, median of ${rounds} interleaved rounds. ` +
      'Each lane ends with the bytes in one preallocated vector of shared memory. ' +
      `"ratio" is to bare node:tls at ${largest} MB in the same run; "CPU" is of sender + receiver at ${largest} MB; "memory" is by how much the resident memory of the ` +
      'receiver grew at most during a transfer, its vector not counted; "block" is the longest time in which the ' +
      `receiver's network thread did not turn (the sender's: ${senderBlock.toFixed(0)} ms).`,
    '',
    `| lane | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---').join('|')}|`,
    ...rows,
    '',
    machine(),
    ''
  ].join('\n')
}

function machine() {
  const [{ model }] = cpus()
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const { dependencies } = JSON.parse(readFileSync(join(PEER, 'package.json'), 'utf8'))
  const versions = ['libp2p', '@libp2p/noise', '@libp2p/yamux', '@libp2p/tls'].map(
    (name) => `${name} ${dependencies[name]}`
  )
  const date = new Date().toISOString().slice(0, 10)
  return `${cpus().length} × ${model.trim()}, ${memory}, Node ${process.versions.node}, OpenSSL ${process.versions.openssl}, ${versions.join(', ')}, ${commit}, ${date}.`
}

async function started(file, folder) {
  const child = fork(join(import.meta.dirname, file), [folder])
  await once(child, 'message')
  return child
}

async function ask(child, message) {
  child.send(message)
  const [answer] = await once(child, 'message')
  if (answer.failed !== undefined) throw new Error(answer.failed)
  return answer
}

async function stopped(child) {
  const gone = once(child, 'exit')
  child.send({ type: 'stop' })
  await gone
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
