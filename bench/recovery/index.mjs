/**
 * How long real processes on loopback take to see that one of them is gone, to agree on it, to go on, and to take one
 * in; what it costs them to look after each other; and how much slower they are while one catches up.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cables } from '../../test/faults/dist/faults/cables.js'
import { median, recoveryOf, rejoinOf } from '../../test/faults/dist/faults/measures.js'
import { RealSwarm } from '../../test/faults/dist/faults/swarm.js'
import { machine } from '../machine.mjs'

/** Seconds that SPIRT published (Barrak et al., 2023), and what ours are to be. */
const SPIRT = { detect: 50.9, agree: 9.66, recover: 1.94, rejoin: 7.2 }
const AIM = { detect: 2, agree: 0.5, recover: 0.5, rejoin: 1 }
const MEASURES = Object.keys(AIM)
const MOST_IDLE = 2048
const MOST_SLOWER = 0.1
/** Floats of the models whose state is taken: rounds that compute for longest, and such as exchange for half of their time. */
const CAUGHT_UP = [1_000_000, 2_000_000, 4_000_000]

/** What a user gets. */
const DEFAULTS = { run: { deadline: 30, 'min-peers': 0 } }
const PEERS = 4

export async function run({ quick = false } = {}) {
  const faults = quick ? await oneDeath() : await recoveries(5)
  const idle = await idleBytes(quick ? { peers: 2, seconds: 3 } : { peers: 16, seconds: 60 })
  const slower = []
  for (const length of quick ? [100_000] : CAUGHT_UP) slower.push(await catchingUp(quick ? 1 : 5, length))
  const text = report({ faults, idle, slower })
  process.stdout.write(text)
  if (!quick) writeFileSync(join(import.meta.dirname, '../results/recovery.md'), text)
}

/** So that it does not rot. */
async function oneDeath() {
  return withSwarm({ strategy: 'all-reduce', peers: PEERS, ...DEFAULTS }, async (swarm) => {
    const measured = await killed(swarm, swarm.rank(0))
    await swarm.finish()
    return new Map([['the aggregator is killed', [measured]]])
  })
}

/** Seconds of each measure, by fault. */
async function recoveries(swarms) {
  const seconds = new Map()
  const add = (fault, measured) => seconds.set(fault, [...(seconds.get(fault) ?? []), measured])
  for (let i = 0; i < swarms; i++) {
    await withSwarm({ strategy: 'spirt', peers: PEERS, ...DEFAULTS }, async (swarm) => {
      add('the founder is killed', await killed(swarm, swarm.peer(0)))
      for (const number of [1, 2]) add('another peer is killed', await killed(swarm, swarm.peer(number)))
      for (const number of [2, 3]) add('a peer is stopped', await stopped(swarm, swarm.peer(number)))
      const newcomer = swarm.start(PEERS)
      await swarm.whole()
      add('nothing; a newcomer comes', { rejoin: rejoinOf(newcomer, swarm.running) })
      await swarm.finish()
    })
    await withSwarm({ strategy: 'all-reduce', peers: PEERS, ...DEFAULTS }, async (swarm) => {
      for (let times = 0; times < 2; times++) add('the aggregator is killed', await killed(swarm, swarm.rank(0)))
      await swarm.finish()
    })
  }
  return seconds
}

async function killed(swarm, victim) {
  const wall = swarm.kill(victim)
  await swarm.whole()
  const recovery = recoveryOf(victim.peer, wall, swarm.running)
  const again = swarm.restart(victim)
  await swarm.whole()
  return { ...recovery, rejoin: rejoinOf(again, swarm.running) }
}

async function stopped(swarm, victim) {
  const wall = swarm.stop(victim)
  await swarm.whole()
  const recovery = recoveryOf(victim.peer, wall, swarm.running)
  swarm.continue(victim)
  const continued = Date.now()
  await swarm.whole()
  return { ...recovery, rejoin: rejoinOf(victim, swarm.running, continued) }
}

/** Bytes a second that a peer sends while nobody ends a round: as the mesh counts them, and on its cable. */
async function idleBytes({ peers, seconds }) {
  const impossible = Cables.impossible()
  const cables = impossible === undefined ? await Cables.lay(peers) : undefined
  const place = cables && ((number) => cables.place(number))
  const init = {
    strategy: 'spirt',
    peers,
    idle: true,
    run: { deadline: 86_400 },
    settings: { milliseconds: 1e8 },
    place
  }
  try {
    return await withSwarm(init, async (swarm) => {
      const look = async () => {
        const uses = await Promise.all(swarm.running.map((life) => life.use()))
        return uses.map(({ controlBytesSent }, number) => [controlBytesSent, cables?.sent(number) ?? NaN])
      }
      // the mesh of gossip forms meanwhile
      await pause(10_000)
      const before = await look()
      await pause(seconds * 1000)
      const after = await look()
      const [counted, wire] = [0, 1].map((what) =>
        after.map((now, number) => (now[what] - before[number][what]) / seconds)
      )
      return { peers, seconds, counted, wire, impossible }
    })
  } finally {
    await cables?.close()
  }
}

/** Rounds a second of a swarm by itself, and while somebody takes its state. */
export async function catchingUp(newcomers, length) {
  const settings = { engine: 'flat', length, milliseconds: 500, memory: Math.max(64e6, length * 4 * 40) }
  const run = { ...DEFAULTS.run, minibatches: 1 }
  return withSwarm({ strategy: 'spirt', peers: 3, run, settings }, async (swarm) => {
    const alone = []
    const meanwhile = []
    const seconds = []
    for (let i = 0; i < newcomers; i++) {
      const from = Date.now()
      await swarm.progress(8)
      alone.push(roundsBetween(swarm, from, Date.now()))
      const members = swarm.running
      const newcomer = swarm.start(3 + i)
      await swarm.when('it is in the view', () =>
        members.every((life) => life.last('view').event.members.includes(newcomer.peer))
      )
      const rejoin = rejoinOf(newcomer, members)
      meanwhile.push(roundsBetween(swarm, newcomer.ready, newcomer.ready + rejoin * 1000))
      seconds.push(rejoin)
      await swarm.whole()
      swarm.kill(newcomer)
      await swarm.whole()
    }
    const bytes = length * 4 * 2
    return { alone: median(alone), meanwhile: median(meanwhile), seconds, bytes, newcomers }
  })
}

/** Of the rounds that peer 0 ended or had begun in this time. */
function roundsBetween(swarm, from, to) {
  const rounds = swarm.peer(0).events.filter(({ wall, event }) => {
    return event.type === 'round' && wall > from && wall - event.seconds * 1000 < to
  })
  return 1 / (rounds.reduce((sum, { event }) => sum + event.seconds, 0) / rounds.length)
}

async function withSwarm(init, work) {
  const swarm = await RealSwarm.start(init)
  try {
    return await work(swarm)
  } finally {
    await swarm.close()
  }
}

function report({ faults, idle, slower }) {
  const row = (fault, all) => {
    const columns = MEASURES.map((measure) => {
      const values = all.map((each) => each[measure]).filter((value) => value !== undefined)
      return values.length === 0 ? '' : `${median(values).toFixed(2)} / ${Math.max(...values).toFixed(2)}`
    })
    return `| ${[fault, all.length, ...columns].join(' | ')} |`
  }
  const fixed = (name, values) => `| ${[name, '', ...MEASURES.map((measure) => values[measure])].join(' | ')} |`
  const range = (values) => `${median(values).toFixed(0)} (at most ${Math.max(...values).toFixed(0)})`
  const wire =
    idle.impossible === undefined
      ? `${range(idle.wire)} B/s on its cable, with what Ethernet, IP and TCP add`
      : `not measured on a cable: ${idle.impossible}`
  const caughtUp = ({ bytes, seconds, newcomers, meanwhile, alone }) => {
    const loss = ((1 - meanwhile / alone) * 100).toFixed(0)
    const cells = [
      (bytes / 1e6).toFixed(0),
      newcomers,
      median(seconds).toFixed(1),
      alone.toFixed(2),
      meanwhile.toFixed(2)
    ]
    return `| ${[...cells, `${loss} %`].join(' | ')} |`
  }
  return [
    '# Recovery',
    '',
    `\`pnpm bench recovery\`: real processes on loopback with default settings, ${PEERS} peers, median / worst seconds. "detect" is from the ` +
      'fault to the first suspicion, "agree" from there until all survivors have a view without the peer, "recover" from there ' +
      'until all have ended a round in that view, "rejoin" from when a peer is ready to train until it is in the view of all.',
    '',
    '| fault | times | detect | agree | recover | rejoin |',
    '|---|---|---|---|---|---|',
    ...[...faults].map(([fault, all]) => row(fault, all)),
    fixed('SPIRT, as published', SPIRT),
    fixed('aim', Object.fromEntries(MEASURES.map((measure) => [measure, `≤ ${AIM[measure]}`]))),
    '',
    `Idle, ${idle.peers} peers, ${idle.seconds} s: a peer sends ${range(idle.counted)} B/s of control messages as the mesh counts them, and ` +
      `${wire}. Aim: ≤ ${MOST_IDLE} B/s of heartbeats.`,
    '',
    'Three peers whose gradient takes 500 ms, by themselves and while a fourth takes the state (aim: at most ' +
      `${MOST_SLOWER * 100} % slower). All four share the cores of this machine:`,
    '',
    '| state, MB | times | seconds | rounds/s by themselves | meanwhile | slower |',
    '|---|---|---|---|---|---|',
    ...slower.map(caughtUp),
    '',
    machine(),
    ''
  ].join('\n')
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
