import { OPTION_NAMES } from '@peergrad/core'
import { JSON_FLAG, RUN_FILE_FLAG, type Command } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { print, printJson, sayable } from '../output/print.js'

export const doctor: Command = {
  name: 'doctor',
  positional: '[MULTIADDR…]',
  describe:
    'Says why peers would not train together, and what to do. Alone it looks at this machine: port, engine, store, disk, memory, data. With the address that a peer prints it looks at the way there and back: whether it can be dialled and dials back, whether a relay is needed and there, NAT, whether a hole can be punched, clocks, versions, speed, the run with the first field that differs, and whether it lets this peer in. With several addresses it tells whether they are in one swarm. Give it the options that you mean to give to `peergrad peer`. Each line is ok, warn or FAIL with what to do; it takes part in no run.',
  options: OPTION_NAMES,
  flags: { run: RUN_FILE_FLAG, json: JSON_FLAG },
  examples: [
    ['peergrad doctor --port 4001 --store redis', 'can a peer with these options run on this machine?'],
    ['peergrad doctor /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…', 'can this machine train with that peer?'],
    ['peergrad doctor /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW… --run run.yaml', 'is its run the one of my run file?'],
    ['peergrad doctor ADDRESS-1 ADDRESS-2 --json', 'are the two in one swarm? For a program to read']
  ],
  async run({ options: flags, flags: { run, json }, words }) {
    const { doctorInit } = await import('../doctor/init.js')
    const init = await doctorInit(flags, typeof run === 'string' ? run : undefined, words)
    const { diagnose } = await import('../doctor/doctor.js')
    const { worst } = await import('../doctor/finding.js')
    const { line, verdict } = await import('../doctor/page.js')
    let last = ''
    const sections = await diagnose({
      ...init,
      report(about, finding) {
        if (json === true) return
        if (about !== last) print(`${last === '' ? '' : '\n'}${about}`)
        last = about
        print(sayable(line(finding)))
      }
    })
    const status = worst(sections.flatMap(({ findings }) => findings))
    if (json === true) printJson({ status, sections })
    else print(`\n${sayable(verdict(sections))}`)
    return status === 'fail' ? EXIT.unfit.code : EXIT.ok.code
  }
}
