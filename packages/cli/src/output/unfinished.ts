/** How many of a run's peers were not in it to the end, in words: those that left in order, and those that did not finish. */
export function unfinished(peers: readonly { readonly status: string }[]): string[] {
  const left = peers.filter(({ status }) => status === 'left').length
  const lost = peers.filter(({ status }) => status !== 'finished').length - left
  return [
    ...(left === 0 ? [] : [`${left} of ${peers.length} peers left before the end, in order`]),
    ...(lost === 0 ? [] : [`${lost} of ${peers.length} peers did not finish`])
  ]
}
