/** The receiving process: pulls what it is told to and says how long it took and how much memory it cost. */
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { arenaOf, digestOf, elements, isFilled, meshOf } from './vectors.mjs'

const [folder] = process.argv.slice(2)
const arena = arenaOf()
const meshes = {
  stream: await meshOf(folder, 'stream', arena.memory, false),
  fast: await meshOf(folder, 'fast', arena.memory, true)
}
const sockets = {}
let sender

async function start({ addresses, self, tcp, tls }) {
  sender = self
  sockets.tcp = connectTcp({ host: '127.0.0.1', port: tcp, noDelay: true })
  sockets.tls = connectTls({ host: '127.0.0.1', port: tls, rejectUnauthorized: false })
  await Promise.all([once(sockets.tcp, 'connect'), once(sockets.tls, 'secureConnect')])
  await Promise.all(Object.values(meshes).map((mesh) => joined(mesh, addresses[0])))
  return { peers: Object.values(meshes).map((mesh) => mesh.self) }
}

/** Hello included: from then on the lanes are known. */
async function joined(mesh, address) {
  const met = new Promise((resolve) => mesh.on('connect', ({ peer }) => peer === sender && resolve()))
  await mesh.dial(address)
  await met
}

/** As bare as it gets and still of use: every chunk is copied to its place in one vector. */
function pullBare(socket, megabytes, vector) {
  const target = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  return new Promise((resolve) => {
    let position = 0
    const take = (chunk) => {
      target.set(chunk, position)
      position += chunk.byteLength
      if (position < target.byteLength) return
      socket.off('data', take)
      resolve()
    }
    socket.on('data', take)
    socket.write(Uint8Array.of(megabytes))
  })
}

async function pull({ lane, megabytes, watched }) {
  const into = arena.allocate(elements(megabytes))
  into.fill(-1)
  // by turns: to look at the memory costs time
  const before = process.memoryUsage().rss
  let peak = before
  const watch = watched ? setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5) : undefined
  const cpu = process.cpuUsage()
  const started = performance.now()
  if (lane in sockets) await pullBare(sockets[lane], megabytes, into)
  else {
    const request = { digest: digestOf(megabytes), bytes: into.byteLength, from: [sender], into, deadline: 60_000 }
    const report = await meshes[lane].fetch(request)
    if (report.lane !== lane) throw new Error(`the transfer took the ${report.lane} lane, expected ${lane}`)
  }
  const milliseconds = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  peak = Math.max(peak, process.memoryUsage().rss)
  clearInterval(watch)
  if (!isFilled(into)) throw new Error(`${lane}: the bytes are not those that were sent`)
  arena.free(into)
  const block = lane in meshes ? (await meshes[lane].statistics()).longestBlockMilliseconds : 0
  return { milliseconds, cpu: (user + system) / 1000, memory: peak - before, block }
}

process.on('message', async (message) => {
  try {
    if (message.type === 'start') process.send(await start(message))
    else if (message.type === 'pull') process.send(await pull(message))
    else {
      await Promise.all(Object.values(meshes).map((mesh) => mesh.close()))
      process.exit(0)
    }
  } catch (error) {
    process.send({ failed: error.message })
  }
})
process.send({ ready: true })
