import { FaultControl } from './fault-control.js'
import type { Place } from './swarm.js'

/** A network between peers that can be broken while they run. */
export interface Wires {
  /** Where the peer with this number runs. */
  place(number: number): Place
  /** Cuts these peers off from the others; they still reach each other. Nobody is told: what is sent is lost. */
  part(numbers: readonly number[]): Promise<void> | void
  /** One network again. */
  join(): Promise<void> | void
  /** Both ways of a peer's link carry at most so many bytes a second. */
  slow(number: number, rate: number): Promise<void> | void
  close(): Promise<void> | void
}

/** The same in the libp2p transport of every peer: on each machine, with no right that a user has not. */
export class TransportWires implements Wires {
  /** for faults that the others have not: loss, delay, one-way links */
  readonly control: FaultControl
  readonly #count: number

  private constructor(control: FaultControl, count: number) {
    this.control = control
    this.#count = count
  }

  static async lay(count: number): Promise<TransportWires> {
    return new TransportWires(await FaultControl.start(), count)
  }

  place(number: number): Place {
    return { within: [], settings: this.control.peer(nameOf(number)) }
  }

  async part(numbers: readonly number[]): Promise<void> {
    const all = Array.from({ length: this.#count }, (_, number) => number)
    const others = all.filter((number) => !numbers.includes(number))
    await this.control.partition(numbers.map(nameOf), others.map(nameOf))
  }

  join(): Promise<void> {
    return this.control.heal()
  }

  slow(number: number, rate: number): Promise<void> {
    return this.control.set(nameOf(number), [{ remote: '*', rate }])
  }

  close(): void {
    this.control.close()
  }
}

/** What a peer is called in a fault. */
export const nameOf = (number: number) => `peer-${number}`
