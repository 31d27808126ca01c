import { LIFETIME } from '../remote/lifetime.js'
import type { Connection } from './connection.js'

/** Another LIFETIME for what is on the server. Returns the names that are not there. */
export async function expireLater(connection: Connection, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map((name) => connection.call('PEXPIRE', name, LIFETIME)))
  return names.filter((_, i) => found[i] !== 1)
}
