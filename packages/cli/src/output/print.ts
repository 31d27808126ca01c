import { visible } from '@peergrad/dashboard'

/** The one place that writes to standard output: documents and results go there, everything else to standard error. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export function printJson(document: unknown): void {
  print(JSON.stringify(document, null, 2))
}

/**
 * A reader that has gone (`| head`), or a full disk under a file that this is written to, is no reason for a peer to
 * stop: what cannot be written is lost, and the run goes on.
 */
export function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

/** Resolves when all that was written has gone to whoever reads it: to a pipe no more than 64 KiB go at once. */
export async function written(): Promise<void> {
  const streams = [process.stdout, process.stderr]
  await Promise.all(streams.map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))))
}

/** A line for the person at the terminal. */
export function say(text: string): void {
  sayLine(sayable(text))
}

/** A line for the person at the terminal, with its colours. */
export function sayLine(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** A text with nothing in it that moves the cursor but ends of lines: a message may quote what another peer sent. */
export function sayable(text: string): string {
  return text.split('\n').map(visible).join('\n')
}
