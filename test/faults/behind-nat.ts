import { spawnSync } from 'node:child_process'
import { leave, namespace, run, type Namespace } from './namespaces.js'

/** A host, a router between its LAN and the outside, and a host outside: networks that are nowhere else. */
const LAN = { host: '10.78.0.2', router: '10.78.0.1' }
export const OUTSIDE = { host: '10.79.0.2', router: '10.79.0.1' }

/** The first packet of a connection. */
const FIRST = ['tcp', 'flags', '&', '(syn|ack)', '==', 'syn']

/**
 * A host behind a router whose NAT hides it and whose firewall drops what comes from outside, each a network namespace. Needs
 * root, iproute2 and nftables. Nothing of it is left when this process is gone.
 */
export class BehindNat {
  readonly host: Namespace
  readonly outside: Namespace
  readonly #router: Namespace

  private constructor(host: Namespace, router: Namespace, outside: Namespace) {
    this.host = host
    this.#router = router
    this.outside = outside
  }

  /** Why this machine cannot, in one sentence; undefined when it can. */
  static impossible(): string | undefined {
    const rules = 'nft add table ip try && nft add chain ip try post "{ type nat hook postrouting priority 100; }"'
    const wire = 'ip link add try0 type veth peer name try1'
    const tried = spawnSync('unshare', [
      '-n',
      '-m',
      'sh',
      '-c',
      `${wire} && ${rules} && nft add rule ip try post masquerade`
    ])
    if (tried.error !== undefined) return `unshare cannot be run (${tried.error.message}): install util-linux`
    if (tried.status === 0) return undefined
    return `no network namespace with a NAT: ${tried.stderr.toString().trim()}`
  }

  static async make(): Promise<BehindNat> {
    const [host, router, outside] = (await Promise.all([namespace(), namespace(), namespace()])) as [
      Namespace,
      Namespace,
      Namespace
    ]
    const made = new BehindNat(host, router, outside)
    made.#cable(host, 'lan', LAN)
    made.#cable(outside, 'wan', OUTSIDE)
    run(host, 'ip', ['route', 'add', 'default', 'via', LAN.router])
    run(router, 'sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
    run(router, 'nft', ['add', 'table', 'ip', 'nat'])
    run(router, 'nft', ['add', 'chain', 'ip', 'nat', 'out', '{ type nat hook postrouting priority 100; }'])
    run(router, 'nft', ['add', 'rule', 'ip', 'nat', 'out', 'oifname', 'wan', 'masquerade'])
    made.#drop(router, ['iifname', 'wan'])
    return made
  }

  /** What comes to this port of the host outside is dropped. */
  dropOutside(port: number): void {
    this.#drop(this.outside, ['tcp', 'dport', String(port)])
  }

  close(): Promise<void> {
    return leave([this.host, this.#router, this.outside])
  }

  #cable(end: Namespace, port: string, { host, router }: { host: string; router: string }): void {
    const far = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(end.holder.pid)]
    run(this.#router, 'ip', ['link', 'add', port, ...far])
    run(this.#router, 'ip', ['address', 'add', `${router}/24`, 'dev', port])
    run(end, 'ip', ['address', 'add', `${host}/24`, 'dev', 'eth0'])
    for (const name of ['lo', port]) run(this.#router, 'ip', ['link', 'set', name, 'up'])
    for (const name of ['lo', 'eth0']) run(end, 'ip', ['link', 'set', name, 'up'])
  }

  #drop(where: Namespace, what: readonly string[]): void {
    run(where, 'nft', ['add', 'table', 'inet', 'wall'])
    run(where, 'nft', ['add', 'chain', 'inet', 'wall', 'in', '{ type filter hook input priority 0; }'])
    run(where, 'nft', ['add', 'rule', 'inet', 'wall', 'in', ...what, ...FIRST, 'drop'])
  }
}
