import {
  checkNumber,
  isOptionName,
  MANIFEST_OPTIONS,
  manifestToOptions,
  nearest,
  OPTION_NAMES,
  OPTIONS,
  optionsToManifest,
  PeergradError,
  resolveOptions
} from '@peergrad/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

function caught(work: () => unknown): PeergradError {
  try {
    work()
  } catch (error) {
    if (error instanceof PeergradError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a number of a range', () => {
  test('says what was got and what was expected', () => {
    const error = caught(() => checkNumber('strategy.trim', 0.7, { min: 0, below: 0.5 }))
    expect(error.code).toBe('argument')
    expect(error.message).toBe('strategy.trim: got 0.7, expected 0 ≤ trim < 0.5')
  })

  test.each(['', ' ', 'ten', 'NaN', 'Infinity', null, true, [], {}, undefined])('refuses %j', (raw) => {
    expect(caught(() => checkNumber('x', raw, {})).code).toBe('argument')
  })

  test('is what is between its bounds, and nothing else', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        const inside = x >= -1 && x < 2
        const given = [x, String(x)]
        for (const raw of given) {
          if (inside) expect(checkNumber('x', raw, { min: -1, below: 2 })).toBe(Number(raw))
          else expect(caught(() => checkNumber('x', raw, { min: -1, below: 2 })).code).toBe('argument')
        }
      })
    )
  })
})

describe('the nearest word', () => {
  test.each([
    ['sprit', 'spirt'],
    ['epoch', 'epochs'],
    ['MNIST', 'mnist'],
    ['optimiser', 'optimizer']
  ])('%s → %s', (got, expected) => {
    expect(nearest(got, ['spirt', 'epochs', 'mnist', 'optimizer', 'store'])).toBe(expected)
  })

  test('is none when nothing is near', () => {
    expect(nearest('tensorflow', ['spirt', 'mean'])).toBeUndefined()
  })
})

describe('resolveOptions', () => {
  test('takes a flag over the file over the default', () => {
    const { options, given } = resolveOptions({
      flags: { epochs: '7', lr: undefined },
      file: { name: 'run.yaml', values: { epochs: 5, lr: 0.5 } }
    })
    expect(options.epochs).toBe(7)
    expect(options.lr).toBe(0.5)
    expect(options.batch).toBe(OPTIONS.batch.default)
    expect([...given].sort()).toEqual(['epochs', 'lr'])
  })

  test.each([
    [{ epochs: '0' }, 'epochs: got 0, expected an integer, 1 ≤ epochs ≤ 1000000'],
    [{ epochs: '1.5' }, 'epochs: got 1.5, expected an integer, 1 ≤ epochs ≤ 1000000'],
    [{ lr: 'fast' }, 'lr: got "fast", expected 0 < lr ≤ 1000'],
    [{ momentum: '1' }, 'momentum: got 1, expected 0 ≤ momentum < 1'],
    [{ 'target-accuracy': '97' }, 'target-accuracy: got 97, expected 0 ≤ target-accuracy ≤ 1'],
    [{ port: '70000' }, 'port: got 70000, expected an integer, 0 ≤ port ≤ 65535'],
    [{ lr: ['1', '2'] }, '--lr: got 2 values, expected one'],
    [{ model: '' }, 'model: got nothing, expected one word or path'],
    [{ mdns: 'maybe' }, 'mdns: got "maybe", expected true or false'],
    [{ peers: '3', 'min-peers': '4' }, 'min-peers: got 4, expected min-peers ≤ peers, which is 3'],
    [{ port: '1', listen: '/ip4/127.0.0.1/tcp/0' }, 'port: got --listen as well']
  ])('%j: %s', (flags, message) => {
    const error = caught(() => resolveOptions({ flags }))
    expect(error.code).toBe('argument')
    expect(error.message).toContain(message)
  })

  test('names the nearest option or choice, and all of them', () => {
    const option = caught(() => resolveOptions({ flags: { epoch: '3' } }))
    expect(option.code).toBe('unknown')
    expect(option.message).toContain('--epoch: no such option; did you mean "--epochs"? expected one of --strategy')
    const choice = caught(() => resolveOptions({ flags: { optimizer: 'adm' } }))
    expect(choice.code).toBe('unknown')
    expect(choice.message).toBe(
      'optimizer: got "adm", did you mean "adam"? expected one of sgd, momentum, nesterov, adam, adamw'
    )
  })

  test('names the file in which a value is wrong', () => {
    const wrong = (values: unknown) => caught(() => resolveOptions({ file: { name: 'run.yaml', values } })).message
    expect(wrong({ lr: -1 })).toBe('run.yaml: lr: got -1, expected 0 < lr ≤ 1000')
    expect(wrong({ lr: NaN })).toBe('run.yaml: lr: got NaN, expected 0 < lr ≤ 1000')
    expect(wrong({ epoch: 3 })).toContain('run.yaml: epoch: no such option; did you mean "epochs"?')
    expect(wrong(['spirt'])).toContain('run.yaml: expected options, one a line')
    expect(wrong({ model: 5 })).toContain('run.yaml: model: got 5')
  })

  test('takes one value or several where several may be', () => {
    expect(resolveOptions({ flags: { join: 'a' } }).options.join).toEqual(['a'])
    expect(resolveOptions({ flags: { join: ['a', 'b'] } }).options.join).toEqual(['a', 'b'])
  })

  test('accepts its own defaults', () => {
    for (const name of OPTION_NAMES) {
      const { default: value, parse } = OPTIONS[name]
      if (value !== undefined) expect(parse(name, value)).toEqual(value)
    }
    expect(isOptionName('constructor')).toBe(false)
  })
})

describe('manifest', () => {
  test('comes back the same through options, whatever was given', () => {
    const flags = fc.record(
      {
        strategy: fc.constantFrom('spirt', 'all-reduce', './mine.js'),
        'pre-aggregator': fc.array(fc.constantFrom('nnm:f=1', 'clip'), { minLength: 1, maxLength: 8 }),
        epochs: fc.integer({ min: 1, max: 100 }),
        lr: fc.double({ min: 1e-6, max: 10, noNaN: true }),
        optimizer: fc.constantFrom('momentum', 'nesterov'),
        momentum: fc.double({ min: 0, max: 0.99, noNaN: true }),
        'weight-decay': fc.double({ min: 0, max: 0.1, noNaN: true }),
        deadline: fc.integer({ min: 1, max: 1e6 }).map((milliseconds) => 1 + milliseconds / 1000),
        peers: fc.integer({ min: 2, max: 20 }),
        'min-peers': fc.integer({ min: 0, max: 2 }),
        seed: fc.integer({ min: 0, max: 2 ** 32 - 1 })
      },
      { requiredKeys: ['optimizer'] }
    )
    fc.assert(
      fc.property(flags, (given) => {
        const manifest = optionsToManifest(resolveOptions({ flags: given }).options)
        const file = { name: 'run.yaml', values: manifestToOptions(manifest) }
        expect(optionsToManifest(resolveOptions({ file }).options)).toEqual(manifest)
      })
    )
  })

  test('has every option that all peers must give alike', () => {
    const manifest = optionsToManifest(resolveOptions({}).options)
    expect(Object.keys(manifestToOptions(manifest)).sort()).toEqual([...MANIFEST_OPTIONS].sort())
  })

  test('needs more than half of the peers when nothing else is said', () => {
    expect(optionsToManifest(resolveOptions({ flags: { peers: 5 } }).options)).toMatchObject({
      minPeers: 0,
      deadline: 30_000,
      grace: 2000,
      onFailure: 'continue'
    })
  })

  test('refuses a momentum that the optimiser has not', () => {
    const { options } = resolveOptions({ flags: { optimizer: 'adam', momentum: '0.5' } })
    expect(caught(() => optionsToManifest(options)).message).toContain('momentum: got 0.5 with optimizer adam')
  })

  test('refuses a schedule that is none', () => {
    const { options } = resolveOptions({ flags: { schedule: 'cosin:steps=3' } })
    expect(caught(() => optionsToManifest(options)).code).toBe('unknown')
  })
  test.each([
    [{ 'pre-aggregator': Array(9).fill('nnm') }, 'pre-aggregator: got 9, expected at most 8'],
    [{ 'pre-aggregator': ['m'.repeat(1025)] }, 'pre-aggregator: got 1025 characters, expected at most 1024'],
    [{ model: 'm'.repeat(1025) }, 'model: got 1025 characters, expected at most 1024'],
    [
      { admission: 'allow-list', allow: Array.from({ length: 1000 }, (_, k) => `peer${k}`.padEnd(52, 'x')) },
      'allow: got 53010 characters, expected at most 48000'
    ]
  ])('refuses more than other peers take of it', (flags, message) => {
    const { options } = resolveOptions({ flags })
    expect(caught(() => optionsToManifest(options))).toMatchObject({ code: 'argument', message })
  })
})
