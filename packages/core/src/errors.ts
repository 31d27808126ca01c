import { said } from './said.js'

/**
 * Every error that peergrad throws on purpose. The code is what programs and tests look at; the message is a
 * sentence for a person: what was got, what was expected, what to do.
 */
export type ErrorCode =
  /** a value that the caller gave is out of its range or of the wrong kind */
  | 'argument'
  /** a name (option, model, strategy, file …) that nothing here answers to */
  | 'unknown'
  /** something that must be there is not: a file, a tensor, a package */
  | 'missing'
  /** the same thing given twice where once is right */
  | 'duplicate'
  /** a vector or file of another length or form than was said */
  | 'shape'
  /** NaN or infinity where only numbers may be */
  | 'non-finite'
  /** bytes that do not match their digest, header or format */
  | 'corrupt'
  /** a version that was overtaken by another */
  | 'conflict'
  /** a stated budget of memory, disk or bytes is used up */
  | 'full'
  /** a deadline passed */
  | 'timeout'
  /** the work was given up on purpose: abort signal, shutdown, a newer attempt */
  | 'aborted'
  /** a peer that cannot be reached, or went away */
  | 'unreachable'
  /** a peer that said no, or one that belongs to another run */
  | 'refused'
  /** too few peers to go on by the run's rule */
  | 'quorum'
  /** a worker, child or database that ended unasked, or does not answer any more */
  | 'crashed'
  /** what this machine, driver or engine cannot do */
  | 'unsupported'
  /** a bug of ours, or of the plug-in that `data.plugin` names */
  | 'internal'

/** Codes after which the same call may succeed later. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['timeout', 'unreachable', 'conflict', 'full'])

export type ErrorData = Readonly<Record<string, unknown>>

/** What of an error crosses a worker boundary or the wire. */
export interface ErrorJSON {
  name: 'PeergradError'
  code: ErrorCode
  message: string
  data: ErrorData
}

export class PeergradError extends Error {
  static {
    // a bundler may call the class otherwise, and so would whoever prints an error
    Object.defineProperty(this, 'name', { value: 'PeergradError' })
  }
  override readonly name = 'PeergradError'
  readonly code: ErrorCode
  /** Values for programs (never tensors or secrets): they go to logs. */
  readonly data: ErrorData

  constructor(code: ErrorCode, message: string, data: ErrorData = {}, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.data = data
  }

  /** True when the same call may succeed later. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code)
  }

  toJSON(): ErrorJSON {
    return { name: this.name, code: this.code, message: this.message, data: this.data }
  }

  static fromJSON(json: ErrorJSON): PeergradError {
    return new PeergradError(json.code, json.message, json.data)
  }

  /** Any thrown value as a PeergradError; what was not thrown on purpose becomes `internal`. */
  static from(thrown: unknown): PeergradError {
    if (thrown instanceof PeergradError) return thrown
    if (thrown instanceof Error) {
      if (thrown.name === 'AbortError') return new PeergradError('aborted', thrown.message, {}, { cause: thrown })
      // what `AbortSignal.timeout` gives
      if (thrown.name === 'TimeoutError') return new PeergradError('timeout', thrown.message, {}, { cause: thrown })
      return new PeergradError('internal', thrown.message, { stack: thrown.stack }, { cause: thrown })
    }
    return new PeergradError('internal', said(thrown))
  }
}
