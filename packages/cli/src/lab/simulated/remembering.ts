import type { AttackContext } from '@peergrad/core'

/** Results that are remembered: accomplices are in the same round, or the one before. */
const REMEMBERED = 2

/** What accomplices that are peers of one simulation do alike, one of them does. What fails is done anew by each. */
export function remembering(): NonNullable<AttackContext['once']> {
  const known = new Map<string, Promise<unknown>>()
  return <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const before = known.get(name) as Promise<T> | undefined
    if (before !== undefined) return before.catch(work)
    const result = work()
    known.set(name, result)
    const [oldest] = known.keys()
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest)
    return result
  }
}
