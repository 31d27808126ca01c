import '../../../peer/dist/network/with-resolvers.js'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena, optionsToManifest, resolveOptions, systemClock, type Logger, type PeerId } from '@peergrad/core'
import { createNetworkMesh, Swarm, type Credentials } from '@peergrad/peer'
import { afterAll } from 'vitest'
import { bareNode } from '../../../peer/dist/doctor/bare-node.js'
import { DoctorServer, type DoctorServerInit } from '../../../peer/dist/doctor/server.js'
import { diagnose, type Section } from '../../src/doctor/doctor.js'
import type { Finding } from '../../src/doctor/finding.js'
import { doctorInit } from '../../src/doctor/init.js'

export const folder = mkdtempSync(join(tmpdir(), 'peergrad-doctor-'))
const closing: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
  rmSync(folder, { recursive: true })
})

export const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
export const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
/** Of this machine, and of no run. */
export const HERE = {
  listen: [LOOPBACK],
  memory: '64',
  out: join(folder, 'out'),
  'data-dir': folder
}
/** The run of the peers of `swarmPeer`. */
export const RUN = { dataset: 'synthetic', model: 'mlp', peers: '2' }

export const optionsOf = (flags: Readonly<Record<string, unknown>> = {}) =>
  resolveOptions({ flags: { ...HERE, ...flags } }).options

/** What doctor says of these addresses, on a machine with these options. */
export async function examined(
  addresses: readonly string[],
  flags: Readonly<Record<string, unknown>> = {}
): Promise<readonly Section[]> {
  return diagnose({ ...(await doctorInit({ ...HERE, ...flags }, undefined, addresses)), patience: 1000 })
}

export const all = (sections: readonly Section[]) => sections.flatMap(({ findings }) => findings)

/** Everything that is not ok, in order. */
export const faults = (sections: readonly Section[]) =>
  all(sections)
    .filter(({ status }) => status !== 'ok')
    .map(({ status, fault }) => `${status} ${fault}`)

export function theOne(sections: readonly Section[], fault: string): Finding {
  const found = all(sections).filter((each) => each.fault === fault)
  if (found.length === 1) return found[0]!
  throw new Error(`${fault} is there ${found.length} times:\n${JSON.stringify(sections, null, 2)}`)
}

let count = 0
/** A peer that founded a run and waits for others, as `peergrad peer` does. */
export async function swarmPeer(flags: Readonly<Record<string, unknown>>, credentials: Credentials = {}) {
  const mesh = await createNetworkMesh({
    identityFile: join(folder, `key-${count++}`),
    listen: [LOOPBACK],
    topic: 'run',
    memory: Arena.create({ bytes: 1 << 16 }).memory
  })
  const swarm = new Swarm({
    mesh,
    clock: systemClock(),
    logger: SILENT,
    manifest: optionsToManifest(optionsOf(flags)),
    join: [],
    credentials,
    sha256: (text) => createHash('sha256').update(text).digest('hex')
  })
  closing.push(() => mesh.close())
  closing.push(() => swarm.close())
  const [address = ''] = await mesh.addresses()
  return { peer: mesh.self, address, mesh, swarm }
}

/** A libp2p node in this thread, which answers doctors as the test has it; not at all for `undefined`. */
export async function answeringPeer(
  init: Partial<DoctorServerInit> | undefined
): Promise<{ address: string; peer: PeerId }> {
  const { node, identity } = await bareNode([LOOPBACK])
  closing.push(() => node.stop())
  if (init !== undefined) await new DoctorServer({ node, peers: () => [], ...init }).start()
  return { address: String(node.getMultiaddrs()[0]), peer: identity.peer }
}

/** A server on a free port of loopback. */
export async function listening(server: Server = createServer()): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  )
  await new Promise((resolve) => server.close(resolve))
  return port
}
