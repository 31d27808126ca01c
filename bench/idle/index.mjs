/**
 * What it costs to be there: 16 peers over libp2p on loopback that do nothing, first without beats and then with. The
 * second number is of all of the loopback device, so run it where nothing else uses that:
 * `unshare --net sh -c 'ip link set lo up && node bench/run.mjs idle'`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Arena } from '@peergrad/core'
import { createNetworkMesh } from '@peergrad/peer'

const AIM = 2048
const BEAT = { milliseconds: 500, bytes: 48 }

export async function run({ quick = false } = {}) {
  const peers = quick ? 4 : 16
  const seconds = quick ? 5 : 60
  const folder = mkdtempSync(join(tmpdir(), 'peergrad-idle-'))
  const meshes = await swarm(peers, folder)
  const beats = meshes.map((mesh) => () => mesh.beat(new Uint8Array(BEAT.bytes)))
  try {
    const rows = [await measured('without beats', meshes, seconds)]
    const timers = beats.map((beat) => setInterval(beat, BEAT.milliseconds))
    rows.push(await measured('with beats', meshes, seconds))
    for (const timer of timers) clearInterval(timer)
    const text = report(rows, peers, seconds)
    process.stdout.write(text)
    if (!quick) writeFileSync(join(import.meta.dirname, '../results/idle.md'), text)
  } finally {
    await Promise.all(meshes.map((mesh) => mesh.close()))
    rmSync(folder, { recursive: true })
  }
}

async function swarm(peers, folder) {
  const { memory } = Arena.create({ bytes: 1 << 20 })
  const open = (index, bootstrap) =>
    createNetworkMesh({
      identityFile: join(folder, `${index}`),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topic: 'bench',
      memory,
      bootstrap
    })
  const first = await open(0, [])
  const bootstrap = await first.addresses()
  const meshes = [first]
  while (meshes.length < peers) meshes.push(await open(meshes.length, bootstrap))
  await Promise.all(meshes.map((mesh) => met(mesh, peers - 1)))
  return meshes
}

async function met(mesh, others) {
  await new Promise((resolve) => {
    const check = () => mesh.connected().length === others && resolve()
    mesh.on('connect', check)
    check()
  })
}

/** Bytes a second and peer over so many seconds. */
async function measured(name, meshes, seconds) {
  const control = () => meshes.flatMap((mesh) => mesh.links()).reduce((sum, link) => sum + link.controlBytesSent, 0)
  const start = performance.now()
  const before = { control: control(), device: loopback() }
  await sleep(seconds * 1000)
  const after = { control: control(), device: loopback() }
  const per = ((performance.now() - start) / 1000) * meshes.length
  return {
    name,
    control: (after.control - before.control) / per,
    bytes: (after.device.bytes - before.device.bytes) / per,
    packets: (after.device.packets - before.device.packets) / per
  }
}

/** What the loopback device has sent; undefined fields where there is no /proc. */
function loopback() {
  try {
    const [, line] = /^\s*lo:\s*(.*)$/m.exec(readFileSync('/proc/net/dev', 'utf8'))
    const fields = line.split(/\s+/).map(Number)
    return { bytes: fields[8], packets: fields[9] }
  } catch {
    return { bytes: NaN, packets: NaN }
  }
}

function report(rows, peers, seconds) {
  const [{ model }] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return [
    '# Idle',
    '',
    `What each of ${peers} peers sends in a second while it does nothing, a mean of ${seconds} s. ` +
      `A beat has ${BEAT.bytes} bytes and goes to every other peer each ${BEAT.milliseconds} ms. "control" is what the mesh counts ` +
      `on its links (aim for beats: ≤ ${AIM} bytes); "device" is what the loopback device carried for it, headers, ` +
      'acknowledgements, pings of libp2p and heartbeats of gossipsub included.',
    '',
    '| | control, bytes | device, bytes | device, packets |',
    '|---|---|---|---|',
    ...rows.map(
      ({ name, control, bytes, packets }) =>
        `| ${name} | ${control.toFixed(0)} | ${bytes.toFixed(0)} | ${packets.toFixed(1)} |`
    ),
    '',
    `${cpus().length} × ${model.trim()}, ${memory}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}.`,
    ''
  ].join('\n')
}
