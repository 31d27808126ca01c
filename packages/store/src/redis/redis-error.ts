import { PeergradError } from '@peergrad/core'
import { notOnServer } from '../remote/not-there.js'

/** What the server answered, by the first word of its error. */
const REPLIES: Readonly<Record<string, (message: string) => PeergradError>> = {
  OOM: (message) =>
    new PeergradError(
      'full',
      `store: the server has no memory left (${message}); raise its maxmemory, or --memory for a private one`
    ),
  WRONGTYPE: (message) => new PeergradError('corrupt', `store: a key holds something else than a vector (${message})`),
  NOPERM: (message) =>
    new PeergradError('refused', `store: the server's ACL forbids it (${message}); see docs/guide/store.md`),
  NOAUTH: () => new PeergradError('refused', 'store: the server wants a password; give it in --redis-url'),
  WRONGPASS: () => new PeergradError('refused', 'store: the server refuses the user or password of --redis-url'),
  READONLY: (message) =>
    new PeergradError('unsupported', `store: the server is a replica (${message}); name its primary`),
  MOVED: (message) =>
    new PeergradError(
      'unsupported',
      `store: the keys of this run are on another node of the cluster (${message}); name that one in --redis-url`
    ),
  MISCONF: (message) => new PeergradError('full', `store: the server cannot write its snapshots (${message})`),
  PGMISSING: (message) => notOnServer(rest(message).split(' ')),
  PGCONFLICT: (message) => new PeergradError('conflict', `store: ${rest(message)}`),
  PGSHAPE: (message) => new PeergradError('shape', `store: ${rest(message)}`),
  PGNONFINITE: (message) => new PeergradError('non-finite', `store: ${rest(message)}`),
  PGCORRUPT: (message) => new PeergradError('corrupt', `store: ${rest(message)}`),
  PGINCOMPLETE: (message) => new PeergradError('conflict', `store: ${rest(message)}`)
}

/** What RedisAI and the libtorch in it answer, by words of their errors, which begin with ERR or with nothing. */
const PHRASES: readonly (readonly [RegExp, (message: string) => PeergradError])[] = [
  [
    /tensor key is empty/,
    () => new PeergradError('missing', 'store: a tensor is not on the server any more', { what: 'tensor', lost: true })
  ],
  [
    /script key is empty/,
    () =>
      new PeergradError('missing', 'store: the script is not on the server any more', { what: 'script', lost: true })
  ],
  [
    /could not load backend|backend not loaded/i,
    (message) =>
      new PeergradError(
        'unsupported',
        `store: RedisAI has no libtorch to run scripts (${message}); install its torch backend beside redisai.so (backends/redisai_torch), or use --store redis`
      )
  ],
  [
    /can't allocate memory|not enough memory|bad_alloc/,
    (message) => new PeergradError('full', `store: the server has no memory left for RedisAI (${message})`)
  ]
]

/** Errors of the server that pass by themselves, or with another connection: the call is made again. */
const PASSING = new Set(['LOADING', 'BUSY', 'TRYAGAIN', 'CLUSTERDOWN', 'MASTERDOWN', 'UNBLOCKED'])

/** The error of a call to the server, or undefined when the call may be made again. */
export function redisError(thrown: unknown, call: string): PeergradError | undefined {
  if (thrown instanceof PeergradError) return thrown
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  if (error.name !== 'ReplyError') return undefined
  const [word = ''] = error.message.split(' ', 1)
  if (PASSING.has(word)) return undefined
  const known = REPLIES[word] ?? PHRASES.find(([phrase]) => phrase.test(error.message))?.[1]
  return known === undefined
    ? new PeergradError('internal', `store: the server refused ${call}: ${error.message}`, {}, { cause: error })
    : known(error.message)
}

function rest(message: string): string {
  return message.slice(message.indexOf(' ') + 1)
}
