import assert from 'node:assert/strict'
import { random, type DataAttack, type Dataset } from '@peergrad/core'
import { datasetLaws, sameSplit } from '../dataset.js'
import type { Law } from '../law.js'
import { patterns } from '../patterns.js'

/** The laws of an attack that trains on data that are no longer what they were. */
export function corruptLaws(create: () => DataAttack): Law[] {
  const corrupted = (from: Dataset) => create().corrupt(from, random(7, 'attack'))
  return [
    {
      name: 'changes the training samples, and leaves what it was given and the test split as they are',
      prove() {
        const given = clean()
        const { train, test } = corrupted(given)
        assert.ok(same(given, clean()), 'it wrote into the data set that it was given')
        assert.equal(test, given.test, 'the test split is another one')
        assert.ok(!sameSplit(train, clean().train), 'the training samples are as they were')
      }
    },
    ...datasetLaws(async () => corrupted(clean()))
  ]
}

function clean(): Dataset {
  const of = (samples: number) => patterns({ shape: [3, 3, 1], classes: 4, samples })
  return { ...of(80), test: of(20).test }
}

function same(a: Dataset, b: Dataset): boolean {
  return sameSplit(a.train, b.train) && sameSplit(a.test, b.test)
}
