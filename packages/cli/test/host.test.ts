import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findHost } from '../src/peer/host.js'
import { CHANNEL } from '../src/protocol.js'

const { send } = process
const listeners = process.listeners('message')
beforeEach(() => {
  process.send = () => true
})
afterEach(() => {
  process.send = send
  for (const each of process.listeners('message')) if (!listeners.includes(each)) process.off('message', each)
  vi.unstubAllEnvs()
})

test('a process with a channel that train did not open is a person’s', () => {
  expect(findHost()).toBeUndefined()
})

test('a process with a channel of train has a host', () => {
  vi.stubEnv(CHANNEL, '1')
  expect(findHost()).toBeDefined()
})

test('what a peer starts does not take its own channel for one of train', () => {
  vi.stubEnv(CHANNEL, '1')
  findHost()
  expect(process.env).not.toHaveProperty(CHANNEL)
})
