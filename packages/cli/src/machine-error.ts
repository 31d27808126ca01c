import { PeergradError, type ErrorCode } from '@peergrad/core'

const MEANING: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['missing', 'no such file or directory'],
  ENOTDIR: ['missing', 'a part of the path is a file, expected a directory'],
  EISDIR: ['argument', 'is a directory, expected a file'],
  EEXIST: ['argument', 'is a file, expected a directory'],
  EACCES: ['missing', 'may not be read or written by this user; change its permissions or choose another path'],
  EPERM: ['missing', 'may not be read or written by this user; change its permissions or choose another path'],
  EROFS: ['unsupported', 'is on a read-only file system; choose another path with --out'],
  ENOSPC: ['full', 'the disk is full; make room or choose another path with --out'],
  EDQUOT: ['full', 'the disk quota is used up; make room or choose another path with --out'],
  EFBIG: ['full', 'the file grew past the limit of this process (ulimit -f)'],
  EMFILE: ['full', 'too many open files; raise the limit (ulimit -n)']
}

/** What the system said about a file, as a sentence about that file. */
export function fileError(path: string, thrown: unknown): PeergradError {
  if (thrown instanceof PeergradError) return thrown
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  const [kind, meaning] = MEANING[code] ?? ['internal', thrown instanceof Error ? thrown.message : String(thrown)]
  return new PeergradError(kind, `${path}: ${meaning}`, { path, system: code }, { cause: thrown })
}
