import { PeergradError } from '@peergrad/core'

/** npm and the terminal both pass one Ctrl+C on: what comes within this time of the first is the same one. */
const SAME = 100

export interface Interrupts {
  /** aborts at the first Ctrl+C or signal to end */
  readonly signal: AbortSignal
  close(): void
}

/** Listens to SIGINT, SIGTERM and SIGHUP. The first aborts `signal`, a later one calls `again`. */
export function interrupts(again: () => void): Interrupts {
  const controller = new AbortController()
  let first = 0
  const listen = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      first = performance.now()
      controller.abort(new PeergradError('aborted', `stopped by ${name}`, { signal: name }))
    } else if (performance.now() - first > SAME) {
      again()
    }
  }
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of names) process.on(name, listen)
  return {
    signal: controller.signal,
    close() {
      for (const name of names) process.off(name, listen)
    }
  }
}
