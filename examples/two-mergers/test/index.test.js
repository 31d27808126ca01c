import test from 'node:test'
import { checkStrategy } from '@peergrad/conformance'

test('holds the laws of a strategy', () => checkStrategy(import.meta.resolve('../src/index.js')))
