import { CONTROL_LIMIT, PeergradError } from '@peergrad/core'
import type { ErrorCode, ErrorData } from '@peergrad/core'

const CODES: Readonly<Record<ErrorCode, true>> = {
  argument: true,
  unknown: true,
  missing: true,
  duplicate: true,
  shape: true,
  'non-finite': true,
  corrupt: true,
  conflict: true,
  full: true,
  timeout: true,
  aborted: true,
  unreachable: true,
  refused: true,
  quorum: true,
  crashed: true,
  unsupported: true,
  internal: true
}
const MESSAGE_LIMIT = 4096

/** A typed error as the payload of a refusal. Its data goes along when there is room; a stack never does. */
export function encodeRefusal(error: PeergradError): Uint8Array {
  const { code } = error
  const message = error.message.slice(0, MESSAGE_LIMIT)
  const { stack: _stack, ...data } = error.data
  const whole = Buffer.from(JSON.stringify({ code, message, data }))
  return whole.byteLength <= CONTROL_LIMIT ? whole : Buffer.from(JSON.stringify({ code, message, data: {} }))
}

/** What another peer refuses with; nothing in its texts moves a cursor. Error `corrupt` when the bytes are no refusal. */
export function decodeRefusal(bytes: Uint8Array): PeergradError {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'), visible)
  } catch (cause) {
    throw new PeergradError('corrupt', `refusal: got ${bytes.byteLength} bytes that are no JSON`, {}, { cause })
  }
  if (isObject(value) && isCode(value['code']) && typeof value['message'] === 'string' && isObject(value['data'])) {
    return new PeergradError(value['code'], value['message'].slice(0, MESSAGE_LIMIT), value['data'])
  }
  throw new PeergradError('corrupt', 'refusal: got another form than {code, message, data}')
}

/** As a reviver of JSON: a text without characters that control a terminal or the direction of writing. */
function visible(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�') : value
}

function isObject(value: unknown): value is ErrorData {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CODES, value)
}
