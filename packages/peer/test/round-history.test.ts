import { expect, it } from 'vitest'
import { RoundHistory } from '../src/runtime/round-history.js'

it('of a long run the first and the last rounds are remembered, in order', () => {
  const history = new RoundHistory()
  const rounds = () => history.records.map(({ round }) => round)
  const add = (round: number) => history.add({ round, loss: 1, members: 4, milliseconds: 500 })
  for (let round = 0; round < 10_000; round++) add(round)
  expect(rounds()).toEqual(Array.from({ length: 10_000 }, (_, round) => round))
  for (let round = 10_000; round < 12_345; round++) add(round)
  expect(rounds().slice(0, 5000)).toEqual(Array.from({ length: 5000 }, (_, round) => round))
  expect(rounds().slice(5000)).toEqual(Array.from({ length: 5000 }, (_, at) => 7345 + at))
})
