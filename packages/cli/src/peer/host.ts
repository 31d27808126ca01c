import type { PeergradError, RunEvent } from '@peergrad/core'
import { CHANNEL, type AskMessage, type PeerMessage, type StopMessage } from '../protocol.js'

/** `train`, which started this process with an IPC channel. */
export interface Host {
  send(message: PeerMessage): void
  /** Resolves when everything that was sent is on its way. */
  flush(): Promise<void>
  /** Called when the host asks for it, or is gone: a peer never outlives who started it. */
  onStop(stop: (reason: string) => void): void
}

/** Undefined when a person started this process, or a process manager for one. */
export function findHost(): Host | undefined {
  const opened = process.env[CHANNEL] !== undefined
  // not for what this process starts, whose channel is another one
  delete process.env[CHANNEL]
  if (process.send === undefined || !opened) return undefined
  const sending = new Set<Promise<void>>()
  const send = (message: PeerMessage) => {
    if (!process.connected) return
    const sent = new Promise<void>((resolve) => process.send?.(message, () => resolve()))
    sending.add(sent)
    void sent.then(() => sending.delete(sent))
  }
  process.on('message', (message: AskMessage | StopMessage) => {
    if (message.type === 'ask') send({ type: 'here' })
  })
  return {
    send,
    async flush() {
      await Promise.all(sending)
    },
    onStop(stop) {
      process.on('message', (message: AskMessage | StopMessage) => {
        if (message.type === 'stop') stop('asked to by the process that started it')
      })
      process.once('disconnect', () => stop('the process that started it is gone'))
    }
  }
}

export function eventMessage(event: RunEvent): PeerMessage {
  return { type: 'event', wall: Date.now(), event }
}

export function failureMessage(error: PeergradError): PeerMessage {
  return { type: 'failed', error: error.toJSON() }
}
