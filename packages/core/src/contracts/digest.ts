/** SHA-256 of bytes, as 64 lower-case hexadecimal digits. Content is named by it on the wire and in evidence. */
export type Digest = string

export const DIGEST_PATTERN = /^[0-9a-f]{64}$/
