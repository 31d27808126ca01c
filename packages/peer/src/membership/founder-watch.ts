import type { Clock, Mesh, PeerId } from '@peergrad/core'

/** Milliseconds that a founder may be away before its run has begun. */
const AWAY = 30_000

export interface FounderWatchInit {
  readonly mesh: Pick<Mesh, 'self' | 'connected' | 'on'>
  readonly clock: Pick<Clock, 'after'>
  /** who founds the run, as this peer knows it now */
  readonly founder: () => PeerId
  /** it is away for so long that it will not be back */
  readonly onGone: () => void
}

/** Looks out for the founder of a run that has not begun, until `close` is called. */
export class FounderWatch {
  readonly #init: FounderWatchInit
  readonly #off: (() => void)[]
  #cancel: (() => void) | undefined

  constructor(init: FounderWatchInit) {
    this.#init = init
    this.#off = [init.mesh.on('connect', () => this.#look()), init.mesh.on('disconnect', () => this.#look())]
    this.#look()
  }

  close(): void {
    for (const off of this.#off) off()
    this.#cancel?.()
  }

  #look(): void {
    if (this.#isHere()) {
      this.#cancel?.()
      this.#cancel = undefined
    } else this.#cancel ??= this.#init.clock.after(AWAY, () => this.#end())
  }

  #end(): void {
    this.#cancel = undefined
    // another one may found the run by now
    if (!this.#isHere()) this.#init.onGone()
  }

  #isHere(): boolean {
    const { mesh, founder } = this.#init
    return [mesh.self, ...mesh.connected()].includes(founder())
  }
}
