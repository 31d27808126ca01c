/**
 * TCP with faults, for the network thread of a peer: `transport` of createNetworkMesh. The URL says who controls it
 * (`control`, a socket of FaultControl), who it is (`name`) and the seed of jitter and loss (`seed`).
 */
import { createConnection } from 'node:net'
import { createInterface } from 'node:readline'
import { tcp } from '../../packages/peer/node_modules/@libp2p/tcp/dist/src/index.js'
import { ImpairedLane, randomOf } from './impaired-lane.mjs'

const { control, name, seed } = Object.fromEntries(new URL(import.meta.url).searchParams)
const MARK = new Uint8Array(0)
const clock = {
  now: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, delay)
    return () => clearTimeout(timer)
  }
}

const connections = new Set()
let faults = []
let count = 0

const socket = createConnection(control)
// a test that ended leaves things as they are
socket.on('error', () => socket.destroy())
const send = (message) => socket.writable && socket.write(`${JSON.stringify(message)}\n`)
await new Promise((resolve) => {
  createInterface({ input: socket }).on('line', (line) => {
    const message = JSON.parse(line)
    if (message.faults !== undefined) {
      faults = message.faults
      for (const connection of connections) connection.refresh()
    }
    if (message.cut !== undefined) {
      for (const connection of [...connections]) if (connection.isWith(message.cut)) connection.cut()
    }
    send({ done: message.id })
    resolve()
  })
  send({ name })
})

/** The sum of what is said about this direction of connections with this host. */
function effectOn(host, direction) {
  const effects = faults.filter((fault) => concerns(fault, host) && (fault.direction ?? direction) === direction)
  if (effects.length === 0) return undefined
  const sum = (field) => effects.reduce((total, effect) => total + (effect[field] ?? 0), 0)
  return {
    delay: sum('delay'),
    jitter: sum('jitter'),
    loss: sum('loss'),
    rate: Math.min(...effects.map(({ rate }) => rate ?? Infinity)),
    block: effects.some(({ block }) => block === true)
  }
}

const concerns = ({ remote }, host) => remote === '*' || remote === host

/**
 * Puts a lane into each direction of a connection, in place of the methods through which bytes, ends and resets go. A
 * partition hides the end of a connection too.
 */
function impair(connection) {
  const host = connection.remoteAddr.getComponents().find((part) => part.name === 'ip4')?.value
  const ordinal = count++
  const original = {}
  for (const method of ['sendData', 'sendClose', 'sendReset', 'onData', 'onTransportClosed', 'abort']) {
    original[method] = connection[method].bind(connection)
  }
  const laneOf = (direction, drained) =>
    new ImpairedLane({
      effect: () => effectOn(host, direction),
      random: randomOf(seed, name, host, direction, ordinal),
      clock,
      drained
    })
  const out = laneOf('out', () => connection.safeDispatchEvent('drain'))
  const into = laneOf('in', () => connection.sendResume())

  connection.sendData = (list) => {
    if (out.idle) return original.sendData(list)
    const sentBytes = list.byteLength
    const canSendMore = out.push(list.subarray(), (piece) => original.sendData([piece]))
    return { sentBytes, canSendMore }
  }
  connection.sendClose = async (options) => {
    await new Promise((resolve, reject) => {
      options?.signal?.addEventListener('abort', () => reject(options.signal.reason), { once: true })
      out.push(MARK, resolve)
    })
    await original.sendClose(options)
  }
  connection.sendReset = () => void out.push(MARK, () => original.sendReset())
  connection.onData = (data) => {
    if (into.idle) return original.onData(data)
    if (!into.push(data, original.onData)) connection.sendPause()
  }
  // what the other side did has to get here first; what this side does is known at once
  connection.onTransportClosed = (error) => {
    if (connection.status !== 'open') original.onTransportClosed(error)
    else into.push(MARK, () => original.onTransportClosed(error))
  }
  connection.abort = (error) => {
    if (connection.socket.destroyed && connection.status === 'open') into.push(MARK, () => original.abort(error))
    else original.abort(error)
  }

  const entry = {
    isWith: (remote) => concerns({ remote }, host),
    cut: () => connection.socket.resetAndDestroy(),
    refresh() {
      out.refresh()
      into.refresh()
    }
  }
  connections.add(entry)
  connection.socket.once('close', () => connections.delete(entry))
  return connection
}

const faulty = (upgrader) => ({
  upgradeOutbound: (connection, options) => upgrader.upgradeOutbound(impair(connection), options),
  upgradeInbound: (connection, options) => upgrader.upgradeInbound(impair(connection), options)
})

/** Dials come from the host that the peer listens on, so that the other side can tell who it is by its address. */
class FaultyTcp {
  #tcp
  #host

  constructor(inner) {
    this.#tcp = inner
    // what libp2p knows a transport by
    for (const symbol of Object.getOwnPropertySymbols(inner)) this[symbol] = inner[symbol]
  }

  dial(address, options) {
    return this.#tcp.dial(address, { ...options, upgrader: faulty(options.upgrader), localAddress: this.#host })
  }

  createListener(options) {
    const listener = this.#tcp.createListener({ ...options, upgrader: faulty(options.upgrader) })
    const listen = listener.listen.bind(listener)
    listener.listen = (address) => {
      this.#host = address.getComponents().find((part) => part.name === 'ip4')?.value
      return listen(address)
    }
    return listener
  }

  listenFilter(addresses) {
    return this.#tcp.listenFilter(addresses)
  }

  dialFilter(addresses) {
    return this.#tcp.dialFilter(addresses)
  }
}

export default () => (components) => new FaultyTcp(tcp()(components))
