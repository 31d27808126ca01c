import { spawnSync } from 'node:child_process'
import { leave, namespace, noNamespaces, run, type Namespace } from './namespaces.js'
import type { Place } from './swarm.js'

/** Where a host is: on the open network, or in the private network with this number. */
export type Site = 'public' | number

/** Addresses of the open network, which are public ones to libp2p; nothing here leaves the machine. */
const openAddress = (number: number) => `5.0.0.${number + 1}`
const routerAddress = (lan: number) => `5.0.0.${lan + 200}`
/** Both private networks have the same addresses, as at home. */
const LAN = '192.168.1'

/** What a router makes of the port that something leaves from: the same where it is free, as most at home do, or another. */
export type Ports = 'kept' | 'changed'

/** A router as one buys it: who is inside comes out with its address, and nobody comes in unasked. Nobody is told. */
const router = (ports: Ports) => `
table ip router {
  chain out { type nat hook postrouting priority srcnat; oifname "wan" masquerade${ports === 'kept' ? '' : ' random'}; }
  chain through { type filter hook forward priority filter; iifname "wan" ct state new drop; }
  chain in { type filter hook input priority filter; iifname "wan" ct state new drop; }
}`

/** Lets nobody in whom this host did not call. */
const FIREWALL = `
table ip firewall {
  chain in { type filter hook input priority filter; iifname "eth0" ct state new drop; }
}`

/**
 * Hosts in this machine, each in a network namespace of its own: some on an open network, others in private ones behind
 * a router that translates addresses (nftables). Needs root, iproute2 and nftables. Nothing of it is left when this
 * process is gone, however it ends.
 */
export class Internet {
  readonly #open: Namespace
  readonly #routers: readonly Namespace[]
  readonly #hosts: readonly Namespace[]
  readonly #sites: readonly Site[]

  private constructor(
    open: Namespace,
    routers: readonly Namespace[],
    hosts: readonly Namespace[],
    sites: readonly Site[]
  ) {
    this.#open = open
    this.#routers = routers
    this.#hosts = hosts
    this.#sites = sites
  }

  /** Why this machine cannot, in one sentence; undefined when it can. */
  static impossible(): string | undefined {
    const missing = noNamespaces(['nft'])
    if (missing !== undefined) return missing
    const made = spawnSync('unshare', ['-n', 'nft', '-f', '-'], { input: router('changed') })
    return made.status === 0 ? undefined : `the kernel translates no addresses: ${made.stderr.toString().trim()}`
  }

  static async lay(sites: readonly Site[], ports: Ports = 'kept'): Promise<Internet> {
    const lans = new Set(sites.filter((site) => site !== 'public')).size
    const [open, ...rest] = await Promise.all(Array.from({ length: 1 + lans + sites.length }, () => namespace()))
    const internet = new Internet(open!, rest.slice(0, lans), rest.slice(lans), sites)
    bridge(open!)
    for (const [number, inside] of internet.#routers.entries()) {
      cable({ from: open!, port: `lan${number}`, to: inside, name: 'wan', address: routerAddress(number) })
      bridge(inside)
      run(inside, 'ip', ['address', 'add', `${LAN}.1/24`, 'dev', 'switch'])
      run(inside, 'sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
      run(inside, 'nft', ['-f', '-'], router(ports))
    }
    for (const [number, host] of internet.#hosts.entries()) {
      const site = sites[number]!
      const from = site === 'public' ? open! : internet.#routers[site]!
      cable({ from, port: `host${number}`, to: host, name: 'eth0', address: internet.address(number) })
      if (site !== 'public') run(host, 'ip', ['route', 'add', 'default', 'via', `${LAN}.1`])
    }
    return internet
  }

  address(number: number): string {
    return this.#sites[number] === 'public' ? openAddress(number) : `${LAN}.${number + 2}`
  }

  /** Where the peer with this number runs; it listens on every address that its host has. */
  place(number: number): Place {
    return { within: this.#hosts[number]!.enter, settings: { listen: ['/ip4/0.0.0.0/tcp/0'] } }
  }

  /** From now on the host drops what comes unasked. */
  firewall(number: number): void {
    run(this.#hosts[number]!, 'nft', ['-f', '-'], FIREWALL)
  }

  /** The host has another address from now on, as after a night at a provider; its connections are told nothing. */
  move(number: number): void {
    const host = this.#hosts[number]!
    run(host, 'ip', ['address', 'del', `${this.address(number)}/24`, 'dev', 'eth0'])
    run(host, 'ip', ['address', 'add', `${openAddress(number + 100)}/24`, 'dev', 'eth0'])
  }

  close(): Promise<void> {
    return leave([this.#open, ...this.#routers, ...this.#hosts])
  }
}

function bridge(namespace: Namespace): void {
  run(namespace, 'ip', ['link', 'add', 'switch', 'type', 'bridge'])
  run(namespace, 'ip', ['link', 'set', 'switch', 'up'])
}

interface CableInit {
  readonly from: Namespace
  readonly port: string
  readonly to: Namespace
  readonly name: string
  readonly address: string
}

/** From a port of the switch in one namespace to another namespace. */
function cable({ from, port, to, name, address }: CableInit): void {
  run(from, 'ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', name, 'netns', String(to.holder.pid)])
  run(from, 'ip', ['link', 'set', port, 'master', 'switch', 'up'])
  run(to, 'ip', ['address', 'add', `${address}/24`, 'dev', name])
  for (const each of ['lo', name]) run(to, 'ip', ['link', 'set', each, 'up'])
}
