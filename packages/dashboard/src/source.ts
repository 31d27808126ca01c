import { signal } from '@preact/signals'

export type Connection = 'connecting' | 'live' | 'left' | 'over' | 'lost' | 'refused'

/** What the server sends: many lines of events in one message, and the end when there will be no more. */
export interface Source {
  readonly connection: { readonly value: Connection }
}

/** Listens to the events of the run. A connection that breaks is made again, and goes on where it was. */
export function listen(url: string, onLines: (lines: readonly string[]) => void): Source {
  const connection = signal<Connection>('connecting')
  const events = new EventSource(url)
  events.onopen = () => (connection.value = 'live')
  events.onmessage = ({ data }: MessageEvent<string>) => {
    connection.value = 'live'
    onLines(data.split('\n'))
  }
  events.addEventListener('left', () => (connection.value = 'left'))
  events.addEventListener('taken', () => (connection.value = 'live'))
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
