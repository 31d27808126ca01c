import type { Connection } from '@libp2p/interface'

/**
 * Ends a connection at once. libp2p's own `abort` throws where its last word cannot go out any more, and leaves the
 * connection open: told again, it has no last word.
 */
export function abortConnection(connection: Pick<Connection, 'abort'>, reason: Error): void {
  try {
    connection.abort(reason)
  } catch {
    connection.abort(reason)
  }
}
