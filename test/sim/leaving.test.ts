import { controlMessages, type MeshEvents } from '@peergrad/core'
import { expect, it } from 'vitest'
import { replace } from './replace.js'
import { peerName, Simulation, type Disguise } from './swarm.js'

/** Bytes a second: what a round exchanges takes seconds, longer than those that leave stay. */
const SLOW = 4000

it.each([
  [3, 1],
  [3, 2],
  [5, 2],
  [5, 3]
])('of %i peers all but the last %i leave at once, while vectors are under way: those go on', async (peers, stay) => {
  for (let after = 10; after < 4000; after += 390) {
    const simulation = new Simulation({ peers, rounds: 4, deadline: 30_000 }, { bandwidth: SLOW })
    const lives = simulation.startAll()
    const at = `leave after ${after} ms`
    await simulation.when(() => lives[0].events.some(({ type }) => type === 'round'))
    simulation.clock.after(after, () => lives.slice(0, peers - stay).forEach(({ leave }) => leave.abort()))
    const results = await simulation.results()
    expect(results.map(({ status }) => status).sort(), at).toEqual([
      ...Array<string>(stay).fill('finished'),
      ...Array<string>(peers - stay).fill('left')
    ])
    simulation.stop()
  }
})

it('of five peers two leave, and a third a moment later: the other two go on', async () => {
  const simulation = new Simulation({ peers: 5, rounds: 4, deadline: 30_000 }, { bandwidth: SLOW })
  const lives = simulation.startAll()
  await simulation.when(() => lives[0].events.some(({ type }) => type === 'round'))
  for (const [index, after] of [300, 300, 800].entries()) {
    simulation.clock.after(after, () => lives[index + 1].leave.abort())
  }
  const results = await simulation.results()
  expect(results.map(({ status }) => status)).toEqual(['finished', 'left', 'left', 'left', 'finished'])
  simulation.stop()
})

it('a leave that somebody says again, when the peer has come back long since, is of rounds ago', async () => {
  const simulation = new Simulation({ peers: 4, rounds: 60 })
  let sayAgain = () => {}
  const listening: Disguise = {
    mesh: (honest) =>
      replace(honest, {
        on: (name, listener) =>
          honest.on(name, (event) => {
            listener(event)
            if (name !== 'message') return
            const { from, payload } = event as MeshEvents['message']
            if (from === peerName(3) && controlMessages.decode(payload).kind === 'leave')
              sayAgain = () => listener(event)
          })
      })
  }
  const lives = simulation.startAll({ 1: listening })
  const ended = (peer: number, round: number) => () =>
    lives[peer].events.some((event) => event.type === 'round' && event.round === round)
  await simulation.when(ended(1, 4))
  lives[3].leave.abort()
  await simulation.until(lives[3].result)
  simulation.start(peerName(3))
  await simulation.when(ended(1, 30))
  const before = lives[1].events.length
  sayAgain()
  const results = await simulation.results()
  expect(results.filter(({ status }) => status === 'finished').map(({ members }) => members.length)).toEqual([
    4, 4, 4, 4
  ])
  expect(lives[1].events.slice(before).filter(({ type }) => type === 'view' || type === 'lost')).toEqual([])
  simulation.stop()
})
