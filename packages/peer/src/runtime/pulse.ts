import { decodeBeat, encodeBeat, PeergradError, type Beat, type Clock, type Mesh, type PeerId } from '@peergrad/core'
import { beatInterval } from '../membership/beat-interval.js'

/** The least time between two beats, in milliseconds: rounds may be shorter. */
const GAP = 50

export interface PulseInit {
  readonly mesh: Mesh
  readonly clock: Clock
  /** of the view, which those that listen know too: how many are connected anybody may bring about */
  readonly members: () => number
  /** what this peer says of itself now */
  readonly own: () => Beat
  readonly onBeat: (peer: PeerId, beat: Beat) => void
}

/** The beats of this peer and of the others: every half second among few, and as soon as there is something new to say. */
export class Pulse {
  readonly #init: PulseInit
  readonly #off: () => void
  #cancel = () => {}
  #last = -Infinity

  constructor(init: PulseInit) {
    this.#init = init
    this.#off = init.mesh.on('beat', ({ from, payload }) => this.#receive(from, payload))
  }

  /** Beats now, or as soon as the last beat is long enough ago, and regularly from then on. */
  beat(): void {
    const { clock } = this.#init
    this.#cancel()
    const wait = this.#last + GAP - clock.now()
    if (wait > 0) this.#cancel = clock.after(wait, () => this.#send())
    else this.#send()
  }

  close(): void {
    this.#off()
    this.#cancel()
  }

  #send(): void {
    const { mesh, clock, members, own } = this.#init
    this.#last = clock.now()
    mesh.beat(encodeBeat(own()))
    this.#cancel = clock.after(beatInterval(members()), () => this.#send())
  }

  #receive(from: PeerId, payload: Uint8Array): void {
    const { mesh, onBeat } = this.#init
    let beat: Beat
    try {
      beat = decodeBeat(payload)
    } catch (thrown) {
      if (PeergradError.from(thrown).code !== 'corrupt') throw thrown
      return mesh.report(from, 'malformed')
    }
    onBeat(from, beat)
  }
}
