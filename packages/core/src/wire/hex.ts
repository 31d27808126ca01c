const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal digits of these bytes. */
export function readHex(bytes: Uint8Array, from: number, to: number): string {
  let hex = ''
  for (let i = from; i < to; i++) hex += DIGITS[bytes[i]]
  return hex
}

export function writeHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let i = 0; i < hex.length; i += 2) bytes[at + i / 2] = Number.parseInt(hex.slice(i, i + 2), 16)
}
