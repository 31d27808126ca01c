import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const GUIDE = readFileSync(join(import.meta.dirname, '../../../docs/guide/store.md'), 'utf8')

/** What the guide tells an operator to grant: the user `peergrad` with the password `secret`, then words of ACL SETUSER. */
export function guideRights(): string[] {
  const block = /ACL SETUSER ([^]*?)\n\n/.exec(GUIDE)
  if (block === null) throw new Error('the guide has no ACL SETUSER')
  return block[1]!.replace('>PASSWORD', '>secret').split(/[\s\\]+/)
}
