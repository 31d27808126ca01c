import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A network namespace that lasts for as long as the process in it, which ends when this one does. */
export interface Namespace {
  readonly holder: ChildProcess
  readonly enter: readonly string[]
}

/** Why this machine has none for us, in one sentence; undefined when it has. `commands` are needed too. */
export function noNamespaces(commands: readonly string[]): string | undefined {
  for (const command of ['unshare', 'nsenter', 'ip', ...commands]) {
    const { error } = spawnSync(command, ['-V'])
    if (error !== undefined) return `${command} cannot be run (${error.message}): install util-linux and iproute2`
  }
  const made = spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'try0', 'type', 'veth', 'peer', 'name', 'try1'])
  if (made.status === 0) return undefined
  return `no right to make a network namespace with a veth pair: ${made.stderr.toString().trim()}`
}

export async function namespace(): Promise<Namespace> {
  const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo && exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  // it is in its namespace when it has said something
  await once(holder.stdout, 'data')
  return { holder, enter: ['nsenter', '-t', String(holder.pid), '-n', '--'] }
}

/** Runs a command in the namespace. Returns what it printed; throws with what it complained of. */
export function run({ enter }: Namespace, command: string, args: readonly string[], input?: string): string {
  const [program = '', ...rest] = [...enter, command, ...args]
  const { status, stdout, stderr } = spawnSync(program, rest, {
    encoding: 'utf8',
    ...(input !== undefined && { input })
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`)
  return stdout
}

/** Lets the namespaces go, with all that is in them. */
export async function leave(namespaces: readonly Namespace[]): Promise<void> {
  const gone = namespaces.map(({ holder }) => once(holder, 'exit'))
  for (const { holder } of namespaces) holder.stdin?.end()
  await Promise.all(gone)
}
