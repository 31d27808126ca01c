import { randomUUID } from 'node:crypto'
import type { Options, RunManifest } from '@peergrad/core'
import { openDoctor, type Doctor, type DoctorInit as NetworkInit } from '@peergrad/peer'
import type { Finding } from './finding.js'
import { halves } from './halves.js'
import type { Listeners } from './listeners.js'
import { data, dataToldOf } from './machine/data.js'
import { disk } from './machine/disk.js'
import { engine } from './machine/engine.js'
import { listen } from './machine/listen.js'
import { memory } from './machine/memory.js'
import { openFiles } from './machine/open-files.js'
import { store } from './machine/store.js'
import { versions } from './machine/versions.js'
import { admission } from './peer/admission.js'
import { clock } from './peer/clock.js'
import type { Examined, PeerCheck, PeerContext } from './peer/context.js'
import { dialIn } from './peer/dial-in.js'
import { dialOut } from './peer/dial-out.js'
import { nat } from './peer/nat.js'
import { punch } from './peer/punch.js'
import { relay } from './peer/relay.js'
import { theRun } from './peer/run.js'
import { speed } from './peer/speed.js'
import { versions as theirVersions } from './peer/versions.js'

export interface DoctorInit extends NetworkInit {
  readonly options: Options
  /** the run that this machine would take part in, when it was described */
  readonly own?: RunManifest
  readonly addresses: readonly string[]
  /** what was found, as it is found */
  readonly report?: (about: string, finding: Finding) => void
}

/** What was found about one thing: this machine, a peer by its address, or the run. */
export interface Section {
  readonly about: string
  readonly findings: readonly Finding[]
}

const MACHINE = 'this machine'
const RUN = 'the run'

/** Before the way back is looked at, and before the run is asked for. */
const FIRST: readonly PeerCheck[] = [theirVersions, clock]
const NEXT: readonly PeerCheck[] = [nat, punch]

/** Looks at this machine, at each peer and at their run. Never rejects for what is wrong with any of them. */
export async function diagnose(init: DoctorInit): Promise<readonly Section[]> {
  const { options, own, addresses } = init
  const notes = new Notes(init.report)
  const { finding, listeners } = await listen(options)
  let doctor: Doctor | undefined
  try {
    notes.add(MACHINE, versions(), finding, engine(options), await store(options, randomUUID()))
    notes.add(MACHINE, disk(options), memory(options))
    if (addresses.length > 0) doctor = await openDoctor(init)
    const examined: Examined[] = []
    for (const address of addresses) {
      const peer = doctor && (await examine(doctor, address, { options, own, listeners }, notes))
      if (peer !== undefined) examined.push(peer)
    }
    const manifest = own ?? examined.find(({ run }) => run !== undefined)?.run?.manifest
    notes.add(RUN, halves(examined), openFiles(manifest?.peers ?? options.peers))
    const told = own === undefined ? manifest?.dataset : undefined
    notes.add(
      RUN,
      await (told === undefined ? data(own?.dataset ?? options.dataset, options) : dataToldOf(told, options))
    )
    return notes.sections
  } finally {
    listeners?.close()
    await doctor?.close()
  }
}

/** Undefined when the peer cannot be asked. */
async function examine(
  doctor: Doctor,
  address: string,
  about: { options: Options; own: RunManifest | undefined; listeners: Listeners | undefined },
  notes: Notes
): Promise<Examined | undefined> {
  const { finding, reached } = await dialOut(doctor, address)
  notes.add(address, finding)
  if (reached === undefined) return undefined
  const context: PeerContext = { ...about, ...reached }
  for (const check of FIRST) notes.add(address, await check(context))
  const back = await dialIn(context)
  notes.add(address, back, relay(back, context))
  for (const check of NEXT) notes.add(address, await check(context))
  const { finding: ofRun, run } = await theRun(context)
  notes.add(address, ofRun, run && (await admission(about.options, run)))
  // last, for its bytes may still be on their way
  notes.add(address, await speed(context))
  return { ...reached, run }
}

class Notes {
  readonly #sections = new Map<string, Finding[]>()
  readonly #report: DoctorInit['report']

  constructor(report: DoctorInit['report']) {
    this.#report = report
  }

  get sections(): readonly Section[] {
    return [...this.#sections].map(([about, findings]) => ({ about, findings }))
  }

  add(about: string, ...found: readonly (Finding | undefined)[]): void {
    const findings = this.#sections.get(about) ?? []
    this.#sections.set(about, findings)
    for (const finding of found) {
      if (finding === undefined) continue
      findings.push(finding)
      this.#report?.(about, finding)
    }
  }
}
