/** Addresses in the command at most: the one who joins tries them one after the other. */
const MOST = 4

/**
 * The one command that joins this peer from another machine, with an address for each way in that another machine can
 * dial: which of its networks reach this one is known there only. When there is none, with one that this machine can.
 */
export function invitation(
  addresses: readonly string[]
): { readonly command: string; readonly localOnly: boolean } | undefined {
  const outside = new Map<string, string>()
  for (const address of addresses) {
    // one for each host: TCP and WebSockets of one host lead to the same place
    const host = address.split('/')[2] ?? ''
    if (!isLocal(address) && !outside.has(host)) outside.set(host, address)
  }
  const ways = [...outside.values()].sort((a, b) => Number(isBridge(a)) - Number(isBridge(b))).slice(0, MOST)
  const join = ways.length > 0 ? ways : addresses.slice(0, 1)
  if (join.length === 0) return undefined
  const command = ['npx peergrad peer', ...join.map((address) => `--join ${address}`)].join(' ')
  return { command, localOnly: ways.length === 0 }
}

/** Loopback and link-local addresses: nobody else can dial them. */
function isLocal(address: string): boolean {
  return /^\/(ip4\/(127\.|169\.254\.|0\.0\.0\.0)|ip6\/(::1|::|fe80:[^/]*)\/|dns[46]?\/localhost)/.test(address)
}

/** Where Docker puts its bridges, 172.17.0.0/16 and up: mostly they lead to containers of this machine. */
function isBridge(address: string): boolean {
  return /^\/ip4\/172\.(1[7-9]|2\d|3[01])\./.test(address)
}
