import { PeergradError } from '@peergrad/core'
import type { Redis } from 'ioredis'

/** Makes calls on this connection go to a database. Error `refused` without the right to, `argument` when there is none. */
export async function selectDatabase(redis: Redis, database: number): Promise<void> {
  // where every connection begins
  if (database === 0) return
  try {
    await redis.select(database)
  } catch (thrown) {
    throw selectError(thrown, database)
  }
}

function selectError(thrown: unknown, database: number): unknown {
  if (!(thrown instanceof Error) || thrown.name !== 'ReplyError') return thrown
  const what = `store: database ${database} of --redis-url could not be selected (${thrown.message})`
  if (thrown.message.startsWith('NOPERM')) {
    const message = `${what}; add +select to the rights of the user, or leave the number out`
    return new PeergradError('refused', message, { database }, { cause: thrown })
  }
  if (thrown.message.startsWith('ERR')) {
    const message = `${what}; name one that the server has, or leave the number out`
    return new PeergradError('argument', message, { database }, { cause: thrown })
  }
  return thrown
}
