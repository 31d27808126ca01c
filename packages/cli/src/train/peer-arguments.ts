import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import type { Options } from '@peergrad/core'
import { metricsOfPeer } from '../metrics/address.js'

export interface PeerFiles {
  readonly runFile: string
  /** the peer's own directory */
  readonly own: string
  readonly number: number
  readonly addresses: readonly string[]
  readonly resume: string | undefined
}

/** Threads that compute gradients in each peer of a run here. */
export function engineWorkers(options: Options): number {
  return options['engine-workers'] || Math.max(1, Math.floor(availableParallelism() / options.peers))
}

/** The command line of one peer of a run here: what its run file does not say. */
export function peerArguments(options: Options, { runFile, own, number, addresses, resume }: PeerFiles): string[] {
  const values: [string, string | number | undefined][] = [
    ['run', runFile],
    ['out', own],
    ['resume', resume],
    ['checkpoint-every', options['checkpoint-every']],
    ['identity', join(own, 'identity.key')],
    ['listen', '/ip4/127.0.0.1/tcp/0'],
    ['engine-workers', engineWorkers(options)],
    ['memory', options.memory],
    ['data-dir', options['data-dir']],
    ['log-level', options['log-level']],
    ['metrics', options.metrics && metricsOfPeer(options.metrics, number)],
    ['secret-file', options['secret-file'] && resolve(options['secret-file'])],
    ...addresses.map((address): [string, string] => ['join', address])
  ]
  const given = values.filter(([, value]) => value !== undefined).map(([word, value]) => `--${word}=${value}`)
  return ['peer', ...given, ...(options.stream ? ['--stream'] : [])]
}
