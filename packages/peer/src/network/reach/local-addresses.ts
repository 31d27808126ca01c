import { networkInterfaces } from 'node:os'
import type { BlockList } from 'node:net'
import { blocks, familyOf } from './scope.js'

/** The IP addresses that this machine has now, but for those that only it can dial. */
export class LocalAddresses {
  readonly #read: typeof networkInterfaces
  #hosts: ReadonlySet<string> = new Set()
  #networks: BlockList = blocks()

  constructor(read = networkInterfaces) {
    this.#read = read
    this.look()
  }

  /** Looks again: the addresses that came, and those that are gone, since the last time. */
  look(): { readonly came: readonly string[]; readonly gone: readonly string[] } {
    const found = Object.values(this.#read())
      .flatMap((addresses = []) => addresses)
      .filter(({ internal }) => !internal)
    const before = this.#hosts
    const now = new Set(found.map(({ address }) => address))
    const came = [...now].filter((host) => !before.has(host))
    const gone = [...before].filter((host) => !now.has(host))
    if (came.length + gone.length > 0) {
      this.#hosts = now
      this.#networks = blocks(...found.flatMap(({ cidr }) => cidr ?? []))
    }
    return { came, gone }
  }

  /** Whether it is one of this machine's. */
  has(host: string): boolean {
    return this.#hosts.has(host)
  }

  /** Whether it is in a network that this machine is in, so that no router is between. */
  near(host: string): boolean {
    return this.#networks.check(host, familyOf(host))
  }
}
