import type { PeerId, RunEvent } from '@peergrad/core'

/** Rounds and views that are remembered. */
const KEPT = 2000

/** What must hold whatever happens, checked event by event. */
export class Laws {
  /** what was broken, as sentences */
  readonly broken: string[] = []
  readonly #hashes = new Map<number, { peer: PeerId; hash: string }>()
  readonly #views = new Map<number, { peer: PeerId; members: string }>()

  see(event: RunEvent): void {
    const { peer } = event
    if (event.type === 'diverged')
      this.broken.push(`${peer} holds another model than the others in round ${event.round}`)
    if (event.type === 'round') {
      const { round, parametersHash: hash } = event
      const known = remember(this.#hashes, round, { peer, hash })
      if (known.hash !== hash)
        this.broken.push(`round ${round}: ${peer} has hash ${hash}, ${known.peer} has ${known.hash}`)
    }
    if (event.type === 'view') {
      const members = event.members.join(' ')
      const known = remember(this.#views, event.number, { peer, members })
      if (known.members !== members)
        this.broken.push(`view ${event.number}: ${peer} has members ${members}, ${known.peer} has ${known.members}`)
    }
  }
}

/** The first value given for a number. */
function remember<T>(values: Map<number, T>, number: number, value: T): T {
  const known = values.get(number)
  if (known !== undefined) return known
  values.set(number, value)
  values.delete(number - KEPT)
  return value
}
