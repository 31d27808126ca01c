/**
 * Starts the peer of one pod: finds out whether the others train already, and joins them or begins the run. The pod stays
 * when the run is over, for a StatefulSet would start it again.
 *
 * PEERGRAD_HOSTS   names of all pods, the first one founds the run
 * PEERGRAD_SELF    this one's
 * PEERGRAD_ADDRESS IP address of this pod
 * PEERGRAD_ARGS    more options of `peergrad peer`
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const {
  PEERGRAD_HOSTS = '',
  PEERGRAD_SELF = '',
  PEERGRAD_ADDRESS = '',
  PEERGRAD_ARGS = '',
  PEERGRAD_PROGRAM = '/app/bin/peergrad.js',
  PEERGRAD_RUN = '/etc/peergrad/run.yaml',
  PEERGRAD_DATA = '/data'
} = process.env
const PORT = 4001
const METRICS = 9464
/** Milliseconds that another pod has to answer, and between two rounds of questions. */
const PATIENCE = 2000

const [first] = words(PEERGRAD_HOSTS)
const others = words(PEERGRAD_HOSTS).filter((host) => host !== PEERGRAD_SELF)
const out = `${PEERGRAD_DATA}/run`
const ended = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => ended.abort())

if (!isOver()) {
  const code = await train()
  if (code !== 0 || ended.signal.aborted) process.exit(code)
}
await stay()

/** Runs the peer to its end; resolves to its exit code. */
async function train() {
  const join = await whomToJoin()
  const options = [
    ...['--run', PEERGRAD_RUN, '--out', out, '--data-dir', `${PEERGRAD_DATA}/cache`],
    ...['--listen', `/${kind(PEERGRAD_ADDRESS)}/${PEERGRAD_ADDRESS}/tcp/${PORT}`],
    ...['--metrics', hostAndPort(PEERGRAD_ADDRESS), '--log-file', '-'],
    ...(hasCheckpoint() ? ['--resume', out] : []),
    ...join.flatMap((host) => ['--join', `/${kind(host)}/${host}/tcp/${PORT}`]),
    ...words(PEERGRAD_ARGS)
  ]
  const peer = spawn(process.execPath, [PEERGRAD_PROGRAM, 'peer', ...options], { stdio: 'inherit' })
  ended.signal.addEventListener('abort', () => peer.kill('SIGTERM'))
  return new Promise((resolve) => peer.once('close', (code) => resolve(code ?? 1)))
}

/**
 * Those of the others that are in a view, when there are any. Before that only the first one is there to be joined; it founds
 * the run, or calls one that was stopped together, by joining nobody.
 */
async function whomToJoin() {
  while (!ended.signal.aborted) {
    const inView = await Promise.all(others.map(isInView))
    if (inView.includes(true)) return others.filter((_, index) => inView[index])
    if (PEERGRAD_SELF === first) return []
    if (await ask(first, '/healthz').then(({ ok }) => ok, never)) return [first]
    await delay(PATIENCE, undefined, { signal: ended.signal }).catch(never)
  }
  process.exit(0)
}

async function isInView(host) {
  try {
    return /^peergrad_view_members [1-9]/m.test(await (await ask(host, '/metrics')).text())
  } catch {
    return false
  }
}

function ask(host, path) {
  return fetch(`http://${hostAndPort(host)}${path}`, { signal: AbortSignal.timeout(PATIENCE) })
}

function hasCheckpoint() {
  return existsSync(`${out}/checkpoints`) && readdirSync(`${out}/checkpoints`).length > 0
}

/** The result is written when the run is over; a peer that left before says so in it. */
function isOver() {
  if (!existsSync(`${out}/result.json`)) return false
  return JSON.parse(readFileSync(`${out}/result.json`, 'utf8')).peers.some(({ status }) => status === 'finished')
}

/** Answers the probes as before until the pod is ended. */
async function stay() {
  const server = createServer((_, response) => response.end('the run is over\n'))
  server.listen(METRICS, PEERGRAD_ADDRESS, () => process.stdout.write('The run is over; this pod waits to be ended.\n'))
  await new Promise((resolve) => ended.signal.addEventListener('abort', resolve))
  process.exit(0)
}

function words(text) {
  return text.split(/\s+/).filter((word) => word !== '')
}

function kind(host) {
  return { 0: 'dns', 4: 'ip4', 6: 'ip6' }[isIP(host)]
}

function hostAndPort(host) {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${METRICS}`
}

function never() {
  return false
}
