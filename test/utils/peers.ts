import { Cli, LEAN, scratch, SMALL } from './cli.js'

export const LOOPBACK = ['--listen', '/ip4/127.0.0.1/tcp/0']

/** A peer that founds a small run and waits for the others of it. */
export function found(...more: readonly string[]): Cli {
  return new Cli(['peer', ...SMALL, ...LOOPBACK, '--out', scratch(), ...more])
}

export interface Joining {
  /** of the founder */
  readonly address: string
  /** arguments of the command that it prints, for another peer of this machine */
  readonly words: readonly string[]
}

/** What the founder prints for others, as soon as it does. */
export async function joining(founder: Cli): Promise<Joining> {
  const [, command, address] = await founder.saw(/npx peergrad (peer --join (\S+).*)/)
  return { address: address!, words: [...command!.split(' '), ...LEAN, ...LOOPBACK] }
}
