/** The sending process: one vector of each size over bare TCP, bare node:tls and both lanes of the mesh. */
import { createServer as createTcpServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { arenaOf, digestOf, elements, fill, FRAME_BYTES, MEGABYTES, meshOf } from './vectors.mjs'

const [folder] = process.argv.slice(2)
const arena = arenaOf()
const vectors = new Map(MEGABYTES.map((size) => [size, arena.allocate(elements(size))]))
for (const vector of vectors.values()) fill(vector)

const mesh = await meshOf(folder, 'sender', arena.memory, true)
for (const [size, vector] of vectors) mesh.serve(digestOf(size), vector)

/** A byte asks for the vector of that many megabytes. */
function answer(socket) {
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', async (request) => {
    const vector = vectors.get(request[0])
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
    for (let at = 0; at < bytes.byteLength; at += FRAME_BYTES) {
      if (!socket.write(bytes.subarray(at, at + FRAME_BYTES)))
        await new Promise((resolve) => socket.once('drain', resolve))
    }
  })
}

const listening = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

process.on('message', async (message) => {
  if (message.type === 'credentials') {
    const tcp = await listening(createTcpServer(answer))
    const tls = await listening(createTlsServer(message.credentials, answer))
    process.send({ addresses: await mesh.addresses(), self: mesh.self, tcp, tls })
  } else if (message.type === 'admit') {
    mesh.admit(message.peers)
    process.send({ admitted: true })
  } else if (message.type === 'statistics') process.send(await mesh.statistics())
  else if (message.type === 'cpu') process.send(process.cpuUsage())
  else {
    await mesh.close()
    process.exit(0)
  }
})
process.send({ ready: true })
