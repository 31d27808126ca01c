import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Effect } from './impaired-lane.mjs'

/** What one peer does to its connections. */
export interface Fault extends Effect {
  /** name of the peer at the other end; `*` for every one */
  readonly remote: string
  /** what it sends or what it receives; both unless given */
  readonly direction?: 'out' | 'in'
}

/** How a peer is started so that its network can be broken: spread it into the init of createNetworkMesh. */
export interface FaultyPeer {
  readonly listen: readonly string[]
  readonly transport: string
  /** direct sockets do not pass through the transport */
  readonly fastLane: false
}

interface Peer {
  readonly host: string
  faults: readonly Fault[]
  socket: Socket | undefined
}

/**
 * Breaks the network of peers, in this process or in others, while they run. Each peer has an address of its own out
 * of 127.0.0.0/8 (all of which is this machine, on Linux), by which the others know it.
 */
export class FaultControl {
  readonly #seed: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'peergrad-faults-'))
  readonly #server: Server
  readonly #peers = new Map<string, Peer>()
  readonly #waiting = new Map<number, () => void>()
  #nextId = 0

  /** @param seed of jitter and loss */
  static async start(seed = 1): Promise<FaultControl> {
    const control = new FaultControl(seed)
    await new Promise<void>((resolve) => control.#server.listen(control.#path, resolve))
    return control
  }

  private constructor(seed: number) {
    this.#seed = seed
    this.#server = createServer((socket) => this.#attend(socket))
    // tests and children come and go
    this.#server.unref()
  }

  peer(name: string): FaultyPeer {
    const host = this.#peerOf(name).host
    const url = new URL('./faulty-transport.mjs', import.meta.url)
    url.search = new URLSearchParams({ control: this.#path, name, seed: String(this.#seed) }).toString()
    return { listen: [`/ip4/${host}/tcp/0`], transport: url.href, fastLane: false }
  }

  /** From now on the peer has these faults and no others, when it starts again too. Resolves when they are in force. */
  async set(name: string, faults: readonly Fault[]): Promise<void> {
    const peer = this.#peerOf(name)
    peer.faults = faults
    if (peer.socket !== undefined) await this.#ask(peer.socket, { faults: this.#toHosts(faults) })
  }

  /** Nothing gets from a peer of one group to one of another, until `heal`. */
  async partition(...groups: readonly (readonly string[])[]): Promise<void> {
    const others = (name: string) => groups.flatMap((group) => (group.includes(name) ? [] : group))
    await Promise.all(
      groups.flat().map((name) =>
        this.set(
          name,
          others(name).map((remote) => ({ remote, block: true }))
        )
      )
    )
  }

  /** No faults any more. */
  async heal(): Promise<void> {
    await Promise.all([...this.#peers.keys()].map((name) => this.set(name, [])))
  }

  /** Breaks the connections of a peer with another one, now and once. */
  async cut(name: string, remote: string): Promise<void> {
    const { socket } = this.#peerOf(name)
    if (socket !== undefined) await this.#ask(socket, { cut: this.#hostOf(remote) })
  }

  close(): void {
    this.#server.close()
    for (const { socket } of this.#peers.values()) socket?.destroy()
    rmSync(this.#folder, { recursive: true })
  }

  get #path(): string {
    return join(this.#folder, 'control')
  }

  #peerOf(name: string): Peer {
    let peer = this.#peers.get(name)
    if (peer === undefined) {
      peer = { host: `127.0.1.${this.#peers.size + 1}`, faults: [], socket: undefined }
      this.#peers.set(name, peer)
    }
    return peer
  }

  #hostOf(name: string): string {
    return name === '*' ? name : this.#peerOf(name).host
  }

  #toHosts(faults: readonly Fault[]) {
    return faults.map((fault) => ({ ...fault, remote: this.#hostOf(fault.remote) }))
  }

  #attend(socket: Socket): void {
    socket.unref()
    socket.on('error', () => socket.destroy())
    const lines = createInterface({ input: socket })
    // it tells again what goes wrong with its input
    lines.on('error', () => {})
    lines.on('line', (line) => {
      const { name, done } = JSON.parse(line) as { name?: string; done?: number }
      if (done !== undefined) this.#waiting.get(done)?.()
      if (name === undefined) return
      const peer = this.#peerOf(name)
      peer.socket = socket
      socket.on('close', () => {
        if (peer.socket === socket) peer.socket = undefined
      })
      void this.#ask(socket, { faults: this.#toHosts(peer.faults) })
    })
  }

  /** Resolves when it is done, or when nobody is left to do it. */
  async #ask(socket: Socket, message: { faults: readonly Fault[] } | { cut: string }): Promise<void> {
    const id = this.#nextId++
    await new Promise<void>((resolve) => {
      this.#waiting.set(id, resolve)
      socket.once('close', resolve)
      socket.write(`${JSON.stringify({ id, ...message })}\n`)
    })
    socket.off('close', this.#waiting.get(id) ?? (() => {}))
    this.#waiting.delete(id)
  }
}
