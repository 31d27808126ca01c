/**
 * `pnpm test:soak [--minutes 30] [--peers 6] [--load 2] [--seed 1] [--strategy spirt] [--samples FILE]`: real peers that are killed,
 * stopped and taken back at random on a machine that is loaded to `load` times its processors, and what the survivors
 * hold over time; FILE has every sample, with the heap of each thread and the kinds of mappings. Prints a report; a whole
 * one (30 minutes or more) goes to bench/results/soak.md. Ends with code 1 when a law was broken.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { random } from '@peergrad/core'
import { Faults } from './faults.js'
import { recoveryOf, rejoinOf, type Recovery } from './measures.js'
import { PROGRAMS, type PeerProcess } from './process.js'
import { report, type SoakReport } from './soak-report.js'
import { RealSwarm } from './swarm.js'
import { Samples } from './samples.js'

/** Milliseconds over which the peers' own use of the processors is measured. */
const CALIBRATION = 5000
const SAMPLING = 15_000
/** Megabytes of each half of a heap's nursery: V8 would double and halve it, and 16 MB more or less hide what is held. */
const NURSERY = ['--min-semi-space-size=8', '--max-semi-space-size=8']
/** On a machine that is busy with other things. */
const HANG = 180_000
/** A report that is worth keeping. */
const WHOLE = 30

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    peers: { type: 'string', default: '6' },
    load: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    strategy: { type: 'string', default: 'spirt' },
    samples: { type: 'string' }
  }
})
const { strategy } = values
const [minutes, peers, load, seed] = [values.minutes, values.peers, values.load, values.seed].map(Number) as [
  number,
  number,
  number,
  number
]
const command = `pnpm test:soak --minutes ${minutes} --peers ${peers} --load ${load} --seed ${seed} --strategy ${strategy}`

const text = report(await soak())
process.stdout.write(text)
if (minutes >= WHOLE) writeFileSync(join(PROGRAMS, '../../../../bench/results/soak.md'), text)

async function soak(): Promise<SoakReport> {
  // what a user gets, and not the short deadline of the tests
  const run = { deadline: 30, 'min-peers': 0 }
  const swarm = await RealSwarm.start({ strategy, peers, run, flags: ['--expose-gc', ...NURSERY] })
  swarm.hang = HANG
  const faults = new Faults(swarm)
  const samples = new Samples(swarm, SAMPLING, values.samples)
  const spinning: ChildProcess[] = []
  const recoveries: Recovery[] = []
  const rejoins: number[] = []
  const loads: number[] = []
  let broken: string | undefined
  const started = Date.now()
  try {
    const own = await processorsUsed(swarm.running)
    const spinners = Math.max(0, Math.round(load * availableParallelism() - own))
    for (let i = 0; i < spinners; i++) spinning.push(fork(join(PROGRAMS, 'load.js')))
    samples.start()
    const draw = random(seed, 'soak')
    // half of the peers are only ever stopped: they are the survivors that must hold no more at the end
    const mortal = Array.from({ length: Math.floor(peers / 2) }, (_, index) => index)
    while (Date.now() - started < minutes * 60_000) {
      loads.push(Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]))
      const kill = draw.uniform() < 0.7
      const victim = swarm.peer(kill ? mortal[draw.below(mortal.length)]! : draw.below(peers))
      // two at once, now and then: as many as six peers bear
      const second = swarm.peer(mortal[draw.below(mortal.length)]!)
      const victims = second !== victim && draw.uniform() < 0.3 ? [victim, second] : [victim]
      const begun = victims.map((life, index) => (index > 0 || kill ? faults.kill(life) : faults.stop(life)))
      await swarm.whole()
      victims.forEach((life, index) => recoveries.push(recoveryOf(life.peer!, begun[index]!, swarm.running)))
      await pause(draw.below(3000))
      const back = victims.map((life) => faults.end(life))
      await swarm.whole()
      for (const life of back) if (!victims.includes(life)) rejoins.push(rejoinOf(life, swarm.running))
      await pause(draw.below(3000))
    }
    samples.stop()
    faults.close()
    await swarm.finish()
  } catch (error) {
    broken = error instanceof Error ? error.message : String(error)
    process.exitCode = 1
  } finally {
    samples.stop()
    for (const each of spinning) each.kill('SIGKILL')
    const keep = broken !== undefined || faults.false.length > 0
    await swarm.close({ keep })
    if (keep) process.stderr.write(`the logs of the peers are in ${swarm.folder}\n`)
  }
  const rounds = Math.max(...swarm.lives.map((life) => life.last('round')?.event.round ?? 0)) + 1
  const { kills, stops, returns } = faults
  const suspicions = faults.false
  if (suspicions.length > 0) process.exitCode = 1
  const survivors = samples.survivors()
  return {
    command,
    minutes: (Date.now() - started) / 60_000,
    loads,
    rounds,
    kills,
    stops,
    returns,
    recoveries,
    rejoins,
    suspicions,
    survivors,
    broken
  }
}

/** Processors that these processes keep busy. */
async function processorsUsed(lives: readonly PeerProcess[]): Promise<number> {
  const used = () => lives.reduce((sum, { pid }) => sum + secondsOf(pid), 0)
  const before = used()
  await pause(CALIBRATION)
  return ((used() - before) * 1000) / CALIBRATION
}

/** Processor time of a process so far, in seconds; Linux counts in hundredths. */
function secondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
