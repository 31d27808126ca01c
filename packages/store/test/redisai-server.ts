/**
 * A double for RedisAI 1.2.7, which is not to be had on build machines: a server that speaks the commands which the
 * `redisai` driver uses, in the forms and with the errors of the real one. It is as strict about the order of
 * arguments, sets the expiry of a tensor back, and dies of the two calls that kill the real server. It does not
 * interpret TorchScript: it checks that the stored source defines each entry point, and runs the twin of that name.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { TWINS, vector, type TwinResult } from './redisai-twins.js'
import { Commands, encode, Failure, OK, Simple, type Reply } from './resp.js'

export interface Options {
  /** with RedisAI loaded */
  readonly ai: boolean
  /** with the libtorch that RedisAI needs for scripts */
  readonly torch: boolean
  readonly version: string
  readonly policy: string
  readonly password?: string
}

type Value =
  | { kind: 'tensor'; type: string; shape: number[]; blob: Uint8Array; expires?: number }
  | { kind: 'script'; entryPoints: Set<string>; expires?: number }
  | { kind: 'string'; expires?: number }

const SIZES: Readonly<Record<string, number>> = { FLOAT: 4, DOUBLE: 8, INT32: 4, INT64: 8 }
const WRONG_TYPE = new Failure('WRONGTYPE Operation against a key holding the wrong kind of value')
const NO_TENSOR = new Failure('ERR tensor key is empty or in a different shard')

/** The server is dead: nothing more is answered. */
class Crash extends Error {}

export class RedisAiServer {
  readonly #server: Server
  readonly #options: Options
  readonly #sockets = new Set<Socket>()
  readonly #keys = new Map<string, Value>()
  #life = randomBytes(20).toString('hex')
  #cut: string | undefined
  readonly #failures: { command: string; reply: Reply }[] = []
  /** commands as they came, without blobs and sources */
  readonly seen: string[][] = []
  /** why it died */
  crashed: string | undefined

  private constructor(server: Server, options: Options) {
    this.#server = server
    this.#options = options
    server.on('connection', (socket) => this.#serve(socket))
  }

  static async start(options: Partial<Options> = {}): Promise<RedisAiServer> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RedisAiServer(server, { ai: true, torch: true, version: '6.2.7', policy: 'noeviction', ...options })
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** All keys that have not expired. */
  get keys(): string[] {
    return [...this.#keys.keys()].filter((key) => this.#get(key) !== undefined)
  }

  /** Milliseconds, −1 for none. */
  ttl(key: string): number {
    const { expires } = this.#keys.get(key) ?? {}
    return expires === undefined ? -1 : expires - Date.now()
  }

  /** Puts a tensor there as somebody else would. */
  set(key: string, type: string, shape: number[], blob: Uint8Array): void {
    this.#keys.set(key, { kind: 'tensor', type, shape, blob })
  }

  setString(key: string): void {
    this.#keys.set(key, { kind: 'string' })
  }

  flush(): void {
    this.#keys.clear()
  }

  /** As if it had ended and been started again: other life, nothing kept. */
  restart(): void {
    this.flush()
    this.#life = randomBytes(20).toString('hex')
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Does the next call of this command and loses the connection before the reply. */
  cutAfter(command: string): void {
    this.#cut = command
  }

  /** Answers the next call of this command so, and does nothing. */
  answerNext(command: string, reply: Reply): void {
    this.#failures.push({ command, reply })
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    const commands = new Commands()
    let known = this.#options.password === undefined
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.on('data', (part) => {
      for (const args of commands.push(part)) {
        const name = args[0]!.toString().toUpperCase()
        this.seen.push([name, ...args.slice(1).map((arg) => (arg.length > 200 ? '…' : arg.toString()))])
        if (name === 'AUTH') known = args.at(-1)!.toString() === this.#options.password
        const reply = known ? this.#answer(name, args.slice(1)) : new Failure('NOAUTH Authentication required.')
        if (reply === undefined) return
        if (this.#cut === name) {
          this.#cut = undefined
          socket.destroy()
          return
        }
        socket.write(encode(reply))
      }
    })
  }

  #answer(name: string, args: Buffer[]): Reply | undefined {
    const planned = this.#failures.findIndex(({ command }) => command === name)
    if (planned >= 0) return this.#failures.splice(planned, 1)[0]!.reply
    try {
      return this.#run(name, args)
    } catch (thrown) {
      if (!(thrown instanceof Crash)) return new Failure(`ERR ${(thrown as Error).message}`)
      this.crashed = thrown.message
      this.#server.close()
      for (const socket of this.#sockets) socket.destroy()
      return undefined
    }
  }

  #run(name: string, args: Buffer[]): Reply {
    const texts = args.map(String)
    switch (name) {
      case 'AUTH':
        return OK
      case 'CLIENT':
        return OK
      case 'PING':
        return new Simple('PONG')
      case 'HELLO':
        return ['server', 'redis', 'version', this.#options.version, 'proto', Number(texts[0] ?? 2)]
      case 'INFO':
        return `# Server\r\nredis_version:${this.#options.version}\r\nrun_id:${this.#life}\r\n# Memory\r\nmaxmemory_policy:${this.#options.policy}\r\n`
      case 'COMMAND':
        return [this.#options.ai && texts[1]!.startsWith('AI.') ? [texts[1]!.toLowerCase(), -1] : null]
      case 'SCAN': {
        const [prefix] = texts[2]!.split('*')
        return ['0', this.keys.filter((key) => key.startsWith(prefix!))]
      }
      case 'UNLINK':
      case 'DEL':
        return texts.filter((key) => this.#keys.delete(key)).length
      case 'EXISTS':
        return texts.filter((key) => this.#get(key) !== undefined).length
      case 'PEXPIRE': {
        const value = this.#get(texts[0]!)
        if (value !== undefined) value.expires = Date.now() + Number(texts[1])
        return value === undefined ? 0 : 1
      }
      case 'PTTL':
        return this.#get(texts[0]!) === undefined ? -2 : this.ttl(texts[0]!)
    }
    if (this.#options.ai) {
      if (name === 'AI.TENSORSET') return this.#tensorSet(args)
      if (name === 'AI.TENSORGET') return this.#tensorGet(texts)
      if (name === 'AI.SCRIPTSTORE') return this.#scriptStore(texts)
      if (name === 'AI.SCRIPTEXECUTE') return this.#scriptExecute(texts)
    }
    return new Failure(`ERR unknown command '${name}', with args beginning with: `)
  }

  #tensorSet(args: Buffer[]): Reply {
    if (args.length < 2) return new Failure("ERR wrong number of arguments for 'AI.TENSORSET' command")
    const [key, type] = [args[0]!.toString(), args[1]!.toString().toUpperCase()]
    const size = SIZES[type]
    if (size === undefined) return new Failure('ERR invalid data type')
    const blobAt = args.findIndex((arg, i) => i >= 2 && arg.toString('latin1', 0, 5).toUpperCase() === 'BLOB')
    const dimensions = args.slice(2, blobAt < 0 ? undefined : blobAt).map((arg) => arg.toString())
    if (!dimensions.every((text) => /^\d+$/.test(text) && BigInt(text) > 0n))
      return new Failure('ERR invalid or negative value found in tensor shape')
    const shape = dimensions.map(Number)
    if (shape.reduce((a, b) => a * b, size) >= 2 ** 63) throw new Crash('a shape whose product overflows')
    if (blobAt !== args.length - 2)
      return new Failure("ERR a single binary string should come after the BLOB argument in 'AI.TENSORSET' command")
    const blob = Uint8Array.from(args.at(-1)!)
    if (blob.length !== shape.reduce((a, b) => a * b, size))
      return new Failure('ERR data length does not match tensor shape and type')
    // a new value without an expiry, whatever was there
    this.#keys.set(key, { kind: 'tensor', type, shape, blob })
    return OK
  }

  #tensorGet([key = '', ...formats]: string[]): Reply {
    const value = this.#get(key)
    if (value === undefined) return NO_TENSOR
    if (value.kind !== 'tensor') return WRONG_TYPE
    const blob = formats.some((format) => format.toUpperCase() === 'BLOB')
    const meta = formats.some((format) => format.toUpperCase() === 'META')
    if (formats.length === 0 || (!blob && !meta)) return new Failure('ERR unsupported data format')
    if (!meta) return value.blob
    return ['dtype', value.type, 'shape', value.shape, ...(blob ? ['blob', value.blob] : [])]
  }

  #scriptStore([key = '', device, word, ...rest]: string[]): Reply {
    if (device !== 'CPU') return new Failure('ERR Invalid DEVICE')
    if (word?.toUpperCase() !== 'ENTRY_POINTS')
      return new Failure('ERR Insufficient arguments, missing script entry points')
    const count = Number(rest[0])
    const [entryPoints, [sourceWord, source, ...more]] = [rest.slice(1, 1 + count), rest.slice(1 + count)]
    if (sourceWord?.toUpperCase() !== 'SOURCE' || source === undefined || more.length > 0)
      return new Failure('ERR Insufficient arguments, missing script SOURCE')
    if (!this.#options.torch) return new Failure('ERR Could not load backend')
    if (!source.endsWith('\n')) return new Failure('ERR expected newline at the end of the script')
    for (const name of entryPoints) {
      const signature = `\ndef ${name}(tensors: List[Tensor], keys: List[str], args: List[str]):\n`
      if (!source.includes(signature) || TWINS[name] === undefined)
        return new Failure(`ERR Wrong inputs type in entry point function ${name}`)
    }
    this.#keys.set(key, { kind: 'script', entryPoints: new Set(entryPoints) })
    return OK
  }

  #scriptExecute([key = '', entry = '', ...rest]: string[]): Reply {
    const script = this.#get(key)
    if (script === undefined) return new Failure('ERR script key is empty')
    if (script.kind !== 'script') return WRONG_TYPE
    if (rest.length === 0) throw new Crash('AI.SCRIPTEXECUTE with nothing after the function')
    const scopes = parseScopes(rest)
    if (scopes instanceof Failure) return scopes
    if (!script.entryPoints.has(entry)) return new Failure(`ERR Function does not exist: ${entry}`)
    const tensors = []
    for (const name of scopes.INPUTS) {
      const value = this.#get(name)
      if (value === undefined) return NO_TENSOR
      if (value.kind !== 'tensor') return WRONG_TYPE
      const floats = vector(value.blob.length / 4)
      new Uint8Array(floats.buffer).set(value.blob)
      tensors.push(floats)
    }
    const results: TwinResult[] = TWINS[entry]!(tensors, scopes.ARGS)
    if (results.length !== scopes.OUTPUTS.length)
      return new Failure(`ERR Function returned unexpected number of outputs - ${entry}`)
    for (const [i, { type, bytes }] of results.entries()) {
      this.set(scopes.OUTPUTS[i]!, type, [bytes.length / SIZES[type]!], Uint8Array.from(bytes))
    }
    return OK
  }

  #get(key: string): Value | undefined {
    const value = this.#keys.get(key)
    if (value?.expires === undefined || value.expires > Date.now()) return value
    this.#keys.delete(key)
    return undefined
  }
}

/** INPUTS, ARGS, OUTPUTS and TIMEOUT in this order, the first and the third at least. */
function parseScopes(words: string[]): { INPUTS: string[]; ARGS: string[]; OUTPUTS: string[] } | Failure {
  const scopes = { INPUTS: [] as string[], ARGS: [] as string[], OUTPUTS: [] as string[] }
  const order = ['INPUTS', 'ARGS', 'OUTPUTS', 'TIMEOUT'] as const
  let last = -1
  for (let at = 0; at < words.length;) {
    const scope = order.findIndex((word) => word === words[at]!.toUpperCase())
    if (at === 0 && scope !== 0)
      return new Failure('ERR KEYS or INPUTS scope must be provided first for AI.SCRIPTEXECUTE command')
    if (scope <= last) return new Failure('ERR Unrecongnized parameter to AI.SCRIPTEXECUTE')
    const count = Number(words[at + 1])
    if (!Number.isSafeInteger(count) || count < 0)
      return new Failure('ERR Invalid arguments provided to AI.SCRIPTEXECUTE')
    last = scope
    at += 2
    const name = order[scope]!
    if (name === 'TIMEOUT') {
      if (at < words.length) return new Failure('ERR Encountered problem parsing AI.SCRIPTEXECUTE')
      break
    }
    if (at + count > words.length)
      return new Failure(
        'ERR number of input keys to AI.SCRIPTEXECUTE command does not match the number of given arguments'
      )
    scopes[name] = words.slice(at, at + count)
    at += count
  }
  return scopes
}
