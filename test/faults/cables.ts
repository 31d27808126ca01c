import { leave, namespace, noNamespaces, run, type Namespace } from './namespaces.js'
import type { Place } from './swarm.js'
import type { Wires } from './wires.js'

/** Of 10.77.0.0/24, which is on no other network: the namespaces reach only each other. */
const address = (number: number) => `10.77.0.${number + 1}`

/**
 * A network in this machine for peers that are told where to run: each in a network namespace of its own, with a
 * cable (a veth pair) to a switch (a bridge in one more namespace). Cables can be moved to another switch and slowed.
 * Needs root and iproute2. Nothing of it is left when this process is gone, however it ends.
 */
export class Cables implements Wires {
  readonly #hub: Namespace
  readonly #ends: readonly Namespace[]

  private constructor(hub: Namespace, ends: readonly Namespace[]) {
    this.#hub = hub
    this.#ends = ends
  }

  /** Why this machine cannot, in one sentence; undefined when it can. */
  static impossible(): string | undefined {
    return noNamespaces(['tc'])
  }

  static async lay(count: number): Promise<Cables> {
    const [hub, ...ends] = await Promise.all(Array.from({ length: count + 1 }, () => namespace()))
    const cables = new Cables(hub!, ends)
    run(hub!, 'ip', ['link', 'add', 'switch0', 'type', 'bridge'])
    run(hub!, 'ip', ['link', 'add', 'switch1', 'type', 'bridge'])
    for (const name of ['switch0', 'switch1']) run(hub!, 'ip', ['link', 'set', name, 'up'])
    ends.forEach((end, number) => {
      const port = portOf(number)
      run(hub!, 'ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(end.holder.pid)])
      run(hub!, 'ip', ['link', 'set', port, 'master', 'switch0', 'up'])
      run(end, 'ip', ['address', 'add', `${address(number)}/24`, 'dev', 'eth0'])
      for (const name of ['lo', 'eth0']) run(end, 'ip', ['link', 'set', name, 'up'])
    })
    return cables
  }

  /** Of the processes that hold the namespaces. */
  get pids(): number[] {
    return [this.#hub, ...this.#ends].map(({ holder }) => holder.pid ?? 0)
  }

  /** Where the peer with this number runs. */
  place(number: number): Place {
    return { within: this.#ends[number]!.enter, settings: { listen: [`/ip4/${address(number)}/tcp/0`] } }
  }

  /** Cuts these peers off from the others; they still reach each other. Nobody is told: what is sent is lost. */
  part(numbers: readonly number[]): void {
    for (const number of numbers) run(this.#hub, 'ip', ['link', 'set', portOf(number), 'master', 'switch1'])
  }

  /** One network again. */
  join(): void {
    this.#ends.forEach((_, number) => run(this.#hub, 'ip', ['link', 'set', portOf(number), 'master', 'switch0']))
  }

  /** Both ways of a peer's cable carry at most so many bytes a second. */
  slow(number: number, rate: number): void {
    const shape = ['root', 'tbf', 'rate', `${rate * 8}bit`, 'burst', '16kb', 'latency', '500ms']
    run(this.#hub, 'tc', ['qdisc', 'add', 'dev', portOf(number), ...shape])
    run(this.#ends[number]!, 'tc', ['qdisc', 'add', 'dev', 'eth0', ...shape])
  }

  /** Bytes on a peer's cable so far that it sent, with everything that Ethernet, IP and TCP add. */
  sent(number: number): number {
    const links = run(this.#hub, 'ip', ['-s', '-j', 'link', 'show', 'dev', portOf(number)])
    const [link] = JSON.parse(links) as { stats64: { rx: { bytes: number } } }[]
    return link!.stats64.rx.bytes
  }

  close(): Promise<void> {
    return leave([this.#hub, ...this.#ends])
  }
}

const portOf = (number: number) => `port${number}`
