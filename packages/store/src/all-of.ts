/** Waits for all, also when one fails: nobody reads or writes a vector any more when it rejects, with the first failure. */
export async function allOf(works: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(works)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
