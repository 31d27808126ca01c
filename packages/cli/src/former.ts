import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PeergradError, type Digest } from '@peergrad/core'
import { CheckpointReader, CHECKPOINTS, listCheckpoints } from '@peergrad/peer'

/**
 * Error `argument` when a run left checkpoints in the directory of one that starts anew: whoever went on from there, or
 * exported its model, would get the newest of both.
 */
export async function checkUnused(out: string): Promise<void> {
  const peers = readdirSync(out).filter((name) => name.startsWith('peer-'))
  for (const own of [out, ...peers.map((name) => join(out, name))]) {
    const [newest] = await listCheckpoints(join(own, CHECKPOINTS))
    if (newest === undefined) continue
    const message = `out: ${out} holds a run, with a checkpoint after ${newest.round} rounds in ${own}; go on with it by --resume ${out}, or give another --out`
    throw new PeergradError('argument', message, { path: out })
  }
}

/** The same when a peer's directory has checkpoints of another run. It may come back to its own without --resume. */
export async function checkOfRun(out: string, run: Digest): Promise<void> {
  for (const { file } of await listCheckpoints(join(out, CHECKPOINTS))) {
    const other = await runOf(file)
    if (other === undefined || other === run) continue
    const message = `out: ${out} has the checkpoints of another run, ${other.slice(0, 12)}…; go on with that by --resume ${out}, or give another --out`
    throw new PeergradError('argument', message, { path: out })
  }
}

/** Undefined where the file is none of ours. */
async function runOf(file: string): Promise<Digest | undefined> {
  try {
    const reader = await CheckpointReader.open(file)
    await reader.close()
    return reader.position.run
  } catch {
    return undefined
  }
}
