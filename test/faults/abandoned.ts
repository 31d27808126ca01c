/** Starts peers, one of which is stopped, says which processes there are, and leaves the rest to whoever ends it. */
import { Cables } from './cables.js'
import { RealSwarm } from './swarm.js'

const cables = Cables.impossible() === undefined ? await Cables.lay(2) : undefined
const swarm = await RealSwarm.start({
  strategy: 'spirt',
  peers: 2,
  ...(cables && { place: (number) => cables.place(number) })
})
swarm.stop(swarm.peer(1))
process.send?.([...swarm.lives.map(({ pid }) => pid), ...(cables?.pids ?? [])])
