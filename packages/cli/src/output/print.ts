/** The one place that writes to standard output: documents and results go there, everything else to standard error. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export function printJson(document: unknown): void {
  print(JSON.stringify(document, null, 2))
}

/** A line for the person at the terminal. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
