import { randomBytes } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { makeDirectory, PeergradError } from '@peergrad/core'
import type { PeerId } from '@peergrad/core'
import {
  generateKeyPair,
  peerIdFromPrivateKey,
  privateKeyFromProtobuf,
  privateKeyToProtobuf
} from '../bundled/names.js'
import type { Signer } from './envelope.js'
import { privateKeyOfSeed } from './peer-key.js'

export interface Identity extends Signer {
  readonly peer: PeerId
  readonly libp2pKey: Ed25519PrivateKey
}

/**
 * The peer's key, from `file` or made there when absent. The file is one line: libp2p's protobuf of the private key in
 * base64, readable by its owner only. It appears whole or not at all, and two processes that start at once get one key.
 * Errors: `corrupt` for a file that is no such key, `missing` when it cannot be read or made.
 */
export async function loadIdentity(file: string): Promise<Identity> {
  const text = (await readIfThere(file)) ?? (await createKeyFile(file))
  return identityOf(parseKey(text, file))
}

/** The peer whose key is in `file`, which is made when there is none. Errors as those of `loadIdentity`. */
export async function peerOfKey(file: string): Promise<PeerId> {
  return (await loadIdentity(file)).peer
}

/** A key that is kept nowhere. */
export async function temporaryIdentity(): Promise<Identity> {
  return identityOf(await generateKeyPair('Ed25519'))
}

async function createKeyFile(file: string): Promise<string> {
  const key = await generateKeyPair('Ed25519')
  const text = `${Buffer.from(privateKeyToProtobuf(key)).toString('base64')}\n`
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    makeDirectory(dirname(file))
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    try {
      await link(temporary, file)
    } finally {
      await unlink(temporary)
    }
    return text
  } catch (cause) {
    const theirs = await readIfThere(file)
    if (theirs !== undefined) return theirs
    const message = `identity: cannot make the key file ${file}: ${PeergradError.from(cause).message}; name one in a folder that can be written`
    throw new PeergradError('missing', message, { file }, { cause })
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    const message = `identity: cannot read the key file ${file}: ${PeergradError.from(cause).message}`
    throw new PeergradError('missing', message, { file }, { cause })
  }
}

function parseKey(text: string, file: string): Ed25519PrivateKey {
  try {
    const key = privateKeyFromProtobuf(Buffer.from(text.trim(), 'base64'))
    if (key.type === 'Ed25519') return key
  } catch {
    // said below; the parser's own words could quote the secret
  }
  const message = `identity: ${file} holds no ed25519 key; restore it, or delete it to become a new peer`
  throw new PeergradError('corrupt', message, { file })
}

function identityOf(key: Ed25519PrivateKey): Identity {
  return {
    peer: peerIdFromPrivateKey(key).toString(),
    libp2pKey: key,
    publicKey: key.publicKey.raw,
    privateKey: privateKeyOfSeed(key.raw.subarray(0, 32))
  }
}
