import { PeergradError } from '@peergrad/core'
import { expect, it, vi } from 'vitest'
import { defenceOf, type DefenceInit } from '../src/attacks/disguise/defence.js'

it('gives back what it leased when the store is full', async () => {
  const release = vi.fn()
  const store = {
    get: async () => ({ vector: Float32Array.of(1), release }),
    lease: () => {
      throw new PeergradError('full', 'on purpose')
    }
  }
  const round = { store, engine: { layout: { parameters: 1, buffers: 0 } }, key: (name: string) => name }
  const honest = { keys: [], manifests: [] }
  const init = { round, honest, hostile: ['peer'], own: { key: 'own', samples: 1, loss: 0 } } as unknown as DefenceInit
  await expect(defenceOf(init)(Float32Array.of(1))).rejects.toMatchObject({ code: 'full' })
  expect(release).toHaveBeenCalledOnce()
})
