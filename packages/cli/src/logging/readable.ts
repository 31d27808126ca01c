import { shown } from '@peergrad/dashboard'

const COLOURS: Readonly<Record<string, number>> = { debug: 90, warn: 33, error: 31 }

/** A line of the log for a person at a terminal: time of day, level, message and facts. Nothing in it moves the cursor. */
export function readable(line: string): string {
  const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>
  const told = Object.entries(facts).map(([name, value]) => `${shown(name)}=${text(value)}`)
  const colour = COLOURS[String(level)]
  const said = [String(time).slice(11, 23), String(level).padEnd(5), shown(msg, 2000), ...told].join('  ')
  return colour === undefined ? said : `\u001b[${colour}m${said}\u001b[0m`
}

function text(value: unknown): string {
  if (typeof value !== 'string') return shown(JSON.stringify(value))
  return /^[\w./:+-]+$/.test(value) ? shown(value) : shown(JSON.stringify(value))
}
