import {
  PeergradError,
  type CheckpointPosition,
  type Digest,
  type GradientStore,
  type Layout,
  type Lease,
  type Logger,
  type OptimiserSpec
} from '@peergrad/core'
import { stateKeys } from '../runtime/state-sync.js'
import { checkpointFile, rotate } from './directory.js'
import { optimiserVectors } from './load.js'
import { writeCheckpoint } from './write.js'

/** Checkpoints that are kept. */
const KEEP = 3

export interface CheckpointsInit {
  readonly directory: string
  /** rounds between two; 0: only the last */
  readonly every: number
  readonly store: GradientStore
  /** that steps the model at the end of a round */
  readonly optimiser: OptimiserSpec
  readonly layout: Layout
  readonly logger: Logger
  readonly onSaved: (saved: { readonly round: number; readonly file: string }) => void
}

/** A vector of the own store that a run needs to go on, beyond model and optimiser, and what the file calls it. */
export interface ExtraVector {
  readonly name: string
  readonly key: string
}

/** Writes checkpoints of one peer, in the background and one at a time, and keeps the newest. */
export class Checkpoints {
  readonly #init: CheckpointsInit
  #writing: Promise<void> | undefined

  constructor(init: CheckpointsInit) {
    this.#init = init
  }

  /** Whether the state before `round` is one to save. */
  due(round: number): boolean {
    const { every } = this.#init
    return every > 0 && round > 0 && round % every === 0
  }

  /**
   * Saves the state under `stateKeys(position.round, …)` of the own store. Resolves as soon as the vectors are held, so
   * that their keys may be deleted; the file is written in the background, and what goes wrong with it is logged.
   * Does nothing while another one is written.
   */
  async save(position: CheckpointPosition, extra: readonly ExtraVector[] = []): Promise<void> {
    const { logger } = this.#init
    const { round } = position
    if (this.#writing !== undefined) {
      logger.debug({ round }, 'no checkpoint of this round: the one before is still written')
      return
    }
    const held = this.#hold(position, extra)
    this.#writing = held
      .then((vectors) => this.#write(position, vectors))
      .catch((thrown: unknown) => {
        const { code, message } = PeergradError.from(thrown)
        logger.warn({ round, code }, `no checkpoint of this round: ${message}`)
      })
      .then(() => (this.#writing = undefined))
    await held.catch(() => undefined)
  }

  /**
   * Saves the last state, after the one that is written just now. Resolves to its file. Errors: those of
   * `writeCheckpoint`.
   */
  async finish(position: CheckpointPosition, extra: readonly ExtraVector[] = []): Promise<string> {
    await this.#writing
    return this.#write(position, await this.#hold(position, extra))
  }

  async #hold(position: CheckpointPosition, extra: readonly ExtraVector[]): Promise<HeldVector[]> {
    const { store, optimiser } = this.#init
    const { round } = position
    const names = ['model', ...optimiserVectors(optimiser)]
    const vectors = stateKeys(round, optimiser).map((key, index) => ({ name: names[index], key }))
    const results = await Promise.allSettled(
      [...vectors, ...extra].map(async ({ name, key }): Promise<HeldVector> => {
        // called before anything is waited for: by the end of this call the key may be deleted
        const [lease, digest] = [store.get(key), store.digest(key)]
        digest.catch(() => undefined)
        return { name, lease: await lease, digest }
      })
    )
    const held = results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const failed = results.find((each) => each.status === 'rejected')
    if (failed === undefined) return held
    release(held)
    throw failed.reason
  }

  async #write(position: CheckpointPosition, held: readonly HeldVector[]): Promise<string> {
    const { directory, layout, logger, onSaved } = this.#init
    const { round } = position
    const file = checkpointFile(directory, round)
    try {
      const vectors = held.map(async ({ name, lease: { vector }, digest }) => ({ name, vector, digest: await digest }))
      await writeCheckpoint(file, { layout, position, vectors: await Promise.all(vectors) })
    } finally {
      release(held)
    }
    onSaved({ round, file })
    await rotate(directory, round, KEEP).catch((thrown: unknown) =>
      logger.warn({ error: PeergradError.from(thrown).message }, 'old checkpoints could not be deleted')
    )
    return file
  }
}

interface HeldVector {
  readonly name: string
  readonly lease: Lease
  readonly digest: Promise<Digest>
}

function release(held: readonly HeldVector[]): void {
  for (const { lease } of held) lease.release()
}
