import { EXIT } from '../exit-codes.js'
import { interrupts } from '../signals.js'
import type { Child } from './child.js'

/** How work on peer processes is ended from outside. */
export interface Stops {
  /** aborts at the first Ctrl+C */
  readonly signal: AbortSignal
  /** to be told of every process that is started */
  readonly onChild: (child: Child) => void
}

/** Runs work that the first Ctrl+C asks to stop; a second one kills its peers and ends this process. */
export async function interruptible<T>(work: (stops: Stops) => Promise<T>): Promise<T> {
  // a grid of many runs has many
  let children: Child[] = []
  const interrupt = interrupts(() => {
    for (const child of children) child.kill()
    process.exit(EXIT.interrupted.code)
  })
  try {
    return await work({
      signal: interrupt.signal,
      onChild: (child) => (children = [...children.filter(({ running }) => running), child])
    })
  } finally {
    interrupt.close()
  }
}
