import test from 'node:test'
import { checkAggregator } from '@peergrad/conformance'

test('holds the laws of a rule', () => checkAggregator(import.meta.resolve('../src/index.ts')))
