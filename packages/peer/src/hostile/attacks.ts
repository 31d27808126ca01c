import { PeergradError, registry, type AttackFactory, type WireAttack } from '@peergrad/core'

type Options = Parameters<AttackFactory>[0]

/** Vectors at a byte a second. */
export function slowStream(options: Options): WireAttack {
  return below('slow-stream', options, {
    describe: 'serves its vectors at a byte a second, over a real network only',
    holds: 'a transfer that does not move is given up within the deadline, and the round ends without this peer'
  })
}

/** Frames above every limit. */
export function oversize(options: Options): WireAttack {
  return below('oversize', options, {
    describe: 'sends frames that claim 4 GiB on every protocol, over a real network only',
    holds: 'no frame above its limit is allocated, the sender is scored and cut off, memory is flat'
  })
}

/** Addresses where nobody is. */
export function poisonedRecords(options: Options): WireAttack {
  return below('poisoned-records', options, {
    describe: 'introduces peers at addresses where nobody is, and peers that do not exist, over a real network only',
    holds: 'honest peers stay connected, for what a connection showed goes before what others say; records are bounded'
  })
}

/** Announcements of others, changed on the way. */
export function tampering(options: Options): WireAttack {
  return below('tampering', options, {
    describe: 'passes on the announcements of others changed, in their names, over a real network only',
    holds: 'a signature that does not fit is dropped, and who passed it on is to blame, not who is named in it'
  })
}

function below(name: string, options: Options, facts: Pick<WireAttack, 'describe' | 'holds'>): WireAttack {
  const [option] = Object.keys(options)
  if (option !== undefined) {
    throw new PeergradError('unknown', `${name}: got the option "${option}", it has none`, { plugin: name, option })
  }
  const transport = new URL(`../hostile/${name}.js`, import.meta.url).href
  return { name, ...facts, level: 'protocol', knows: [], transport, arm: () => ({}) }
}

/** Attacks below the mesh: each is a module that the network thread of a hostile peer imports. */
export const networkAttacks = registry('attack', import.meta.url, [
  ['../hostile/attacks.js', { slowStream, oversize, poisonedRecords, tampering }]
])
