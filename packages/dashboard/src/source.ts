import { signal } from '@preact/signals'

export type Connection = 'connecting' | 'live' | 'over' | 'lost' | 'refused'

/** What the server sends: many lines of events in one message, and the end when there will be no more. */
export interface Source {
  readonly connection: { readonly value: Connection }
}

/** Listens to the events of the run. A connection that breaks is made again, and goes on where it was. */
export function listen(url: string, onLines: (lines: readonly string[]) => void): Source {
  const connection = signal<Connection>('connecting')
  const events = new EventSource(url)
  events.onopen = () => (connection.value = 'live')
  events.onmessage = ({ data }: MessageEvent<string>) => onLines(data.split('\n'))
  events.addEventListener('over', () => {
    connection.value = 'over'
    events.close()
  })
  // another run began in the same file
  events.addEventListener('anew', () => location.reload())
  events.onerror = () => {
    connection.value = events.readyState === EventSource.CLOSED ? 'refused' : 'lost'
  }
  return { connection }
}
