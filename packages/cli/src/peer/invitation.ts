/**
 * The one command that joins this peer from another machine: with the first address that another machine can dial,
 * or, when there is none, with one that only this machine can.
 */
export function invitation(
  addresses: readonly string[]
): { readonly command: string; readonly localOnly: boolean } | undefined {
  const outside = addresses.find((address) => !isLocal(address))
  const address = outside ?? addresses[0]
  if (address === undefined) return undefined
  return { command: `npx peergrad peer --join ${address}`, localOnly: outside === undefined }
}

/** Loopback and link-local addresses: nobody else can dial them. */
function isLocal(address: string): boolean {
  return /^\/(ip4\/(127\.|169\.254\.|0\.0\.0\.0)|ip6\/(::1|::|fe80:[^/]*)\/|dns[46]?\/localhost)/.test(address)
}
