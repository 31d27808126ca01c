import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { title } from '../../src/compare/comparison.js'
import { page } from '../../src/compare/page.js'
import { csv, markdown, terminal } from '../../src/compare/report.js'
import { remarks, tables } from '../../src/compare/tables.js'
import type { Figure } from '../../src/output/page.js'
import { markdownTables } from '../../src/output/markdown.js'
import { comparison, finishedRow } from '../fixtures/compared.js'

const FAILED = {
  strategy: 'ring',
  directory: 'x',
  status: 'failed',
  code: 'argument',
  reason: 'no, "ring" cannot be\n  | the end of its log'
} as const
const STOPPED = { strategy: 'gossip', directory: 'x', status: 'stopped' } as const
const SPIRT = finishedRow('spirt:minibatches=2')
const HOSTILE = finishedRow('./a|b`<script>alert(1)</script>.js')

describe('the tables', () => {
  test('hold a row for each finished run, and columns that any of them knows', () => {
    const [work, traffic, times, cost, ...others] = tables(comparison([SPIRT, FAILED, STOPPED]))
    expect(others).toEqual([])
    expect(work!.columns).toEqual([
      'strategy',
      'time',
      'samples/s',
      'samples',
      'steps',
      'syncs',
      'accuracy',
      'loss',
      'memory'
    ])
    expect(work!.rows).toEqual([
      ['spirt:minibatches=2', '1 min 15 s', '100', '7,500', '20', '10', '97.50 %', '0.1000', '300 MB']
    ])
    expect(traffic!.rows[0]).toEqual([
      'spirt:minibatches=2',
      '2.0 MB',
      '2.0 MB',
      '2.0 MB',
      '2.0 MB',
      '+1.00 %',
      '+0.00 %',
      '1.5 MB'
    ])
    expect(times!.columns).toEqual(['strategy', 'compute', 'wait'])
    expect(cost!.columns).toEqual(['strategy', 'functions', 'total', 'an epoch', 'on Lambda', 'on EC2', 'on GPUs'])
    expect(cost!.rows[0]).toEqual([
      'spirt:minibatches=2',
      '0.250 $',
      '0.250 $',
      '0.500 $',
      '0.250 $',
      '0.0100 $',
      '2.00 $'
    ])
  })

  test('say what a target took, and of whom it is not known', () => {
    const target = { accuracy: 0.971, samples: 1000, round: 4, seconds: 40, bytes: 1e6, dollars: 0.1 }
    const rows = [finishedRow('spirt', { target }), finishedRow('all-reduce')]
    const [, reached] = tables(comparison(rows, { 'target-accuracy': 0.97 }))
    expect(reached!.heading).toBe('To an accuracy of 97.00 %')
    expect(reached!.rows).toEqual([
      ['spirt', '40.0 s', '1.0 MB', '0.100 $', '5', '97.10 %', '1,000'],
      ['all-reduce', 'not reached', '–', '–', '–', '–', '–']
    ])
    const [, nobody] = tables(comparison([finishedRow('all-reduce')], { 'target-accuracy': 0.97 }))
    expect([nobody!.columns, nobody!.rows]).toEqual([['strategy', 'time'], [['all-reduce', 'not reached']]])
  })

  test('set the published table beside ours, for its model and data', () => {
    const flags = { model: 'mobilenet', dataset: 'cifar10' }
    const published = tables(comparison([finishedRow('spirt:minibatches=2')], flags)).at(-1)!
    expect(published.rows.slice(0, 3)).toEqual([
      ['SPIRT, published', '30.8 s', '128–3048 MB', '0.119 $', '0.131 $', '83.20 %', '62 min 0 s'],
      ['spirt:minibatches=2, here', '2 min 30 s', '286 MB', '0.500 $', '0.500 $', '97.50 %', '1 min 15 s'],
      ['ScatterReduce, published', '13 min 30 s', '4880 MB', '0.206 $', '0.346 $', '82.10 %', '1652 min 0 s']
    ])
  })

  test('stand under what was run', () => {
    const flags = { rounds: 8, lr: 0.1, optimizer: 'sgd' }
    expect(title(comparison([], flags))).toBe(
      'mlp on synthetic: 2 peers, 8 rounds, minibatches 4, batch 32, sgd at 0.1, seed 1'
    )
  })

  test('are none when nothing finished, and the reasons stand', () => {
    const nothing = comparison([FAILED, STOPPED])
    expect(tables(nothing)).toEqual([])
    expect(terminal(nothing)).toContain('ring failed: no, "ring" cannot be\ngossip')
    expect(terminal(nothing)).toContain('gossip was stopped')
  })

  test('a run that lost peers, let some go, or read less than its rounds had is remarked', () => {
    const peers = ['finished', 'left', 'died', 'died'].map((status, rank) => ({
      rank,
      status,
      peakMemoryBytes: 1,
      secondsByPhase: {}
    }))
    const rows = [finishedRow('spirt', { peers, unread: 1280 }), finishedRow('ring')]
    expect(remarks(comparison(rows))).toEqual([
      'spirt: 1 of 4 peers left before the end, in order',
      'spirt: 2 of 4 peers did not finish',
      'spirt: its rounds had 1,280 samples more, of which no step was in time'
    ])
  })

  test('stand beside all options that the runs have alike', () => {
    const { run } = comparison([], { deadline: 7, 'engine-workers': 3, 'redis-url': 'redis://me:secret@host' })
    expect(run).toMatchObject({ deadline: 7, 'engine-workers': 3, 'worker-momentum': 0, model: 'mlp' })
    expect(JSON.stringify(run)).not.toContain('secret')
    expect(run).not.toHaveProperty('strategy')
  })
})

describe('CSV', () => {
  test('has a line for each strategy with every column, numbers as they are', () => {
    const [head, spirt, ring, gossip, end] = csv(comparison([SPIRT, FAILED, STOPPED])).split(/\r\n/)
    const columns = head!.split(',')
    expect(new Set(columns).size).toBe(columns.length)
    const values = Object.fromEntries(spirt!.split(',').map((value, index) => [columns[index], value]))
    expect(values).toMatchObject({
      strategy: 'spirt:minibatches=2',
      status: 'finished',
      reason: '',
      seconds: '75',
      samplesPerSecond: '100',
      synchronisations: '10',
      deviation: '0.01',
      targetSeconds: '',
      computeSeconds: '50',
      functionsDollars: '0.25',
      storageDollars: ''
    })
    expect(ring).toMatch(/^ring,failed,"no, ""ring"" cannot be\n {2}\| the end of its log",/)
    expect(gossip!.split(',')).toHaveLength(columns.length)
    expect(end).toBe('')
  })
})

describe('Markdown', () => {
  test('has the tables, the command and what failed', () => {
    const text = markdown(comparison([SPIRT, FAILED]))
    expect(text).toMatch(
      /^# mlp on synthetic: 2 peers, 1 epoch, batch 32, adam at 0.003, seed 1\n\n {4}peergrad compare /
    )
    expect(markdownTables(text).map(({ rows }) => rows.length)).toEqual([1, 1, 1, 1])
    expect(text).toMatch(/\n- ring failed: no, "ring" cannot be\n$/)
  })

  test('keeps no password, and quotes for a shell', () => {
    expect(markdown(comparison([SPIRT]))).toContain(
      "peergrad compare --redis-url 'redis://…@host' --strategies 'a;b'\n"
    )
  })

  test('takes no name as Markdown', () => {
    const text = markdown(comparison([HOSTILE]))
    expect(text).toContain('./a\\|b\\`\\<script\\>alert(1)\\</script\\>.js')
  })
})

describe('the page', () => {
  const text = page(comparison([SPIRT, HOSTILE, FAILED]))
  const inside = (element: string) =>
    [...text.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, 'gs'))].map(([, body]) => body!)

  test('asks for nothing outside', () => {
    const markup = text.replace(/<(script|style)[ >].*?<\/\1>/gs, '')
    expect(markup).not.toMatch(/\b(src|href|action)=|url\(|@import/)
    for (const style of inside('style')) expect(style).not.toMatch(/url\(|@import/)
  })

  test('lets only its own scripts and styles run, by their hashes', () => {
    const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(text)!
    const hash = (body: string) => `'sha256-${createHash('sha256').update(body).digest('base64')}'`
    expect(policy).toBe(
      `default-src 'none'; script-src ${inside('script').map(hash).join(' ')}; style-src ${inside('style').map(hash).join(' ')}`
    )
    expect(inside('script')).toHaveLength(2)
    expect(text).not.toMatch(/ style="| on\w+="/)
  })

  test('takes no name as HTML, and its curves are the numbers', () => {
    expect(text).not.toContain('<script>alert')
    expect(text).toContain('./a|b`&lt;script&gt;alert(1)&lt;/script&gt;.js')
    const [, data] = /<script type="application\/json" id="figures">(.*?)<\/script>/s.exec(text)!
    const figures = JSON.parse(data!) as Figure[]
    const points = figures.map(({ caption, curves }) => {
      expect(curves.map(({ label }) => label)).toEqual(['spirt:minibatches=2', HOSTILE.strategy])
      return { caption, x: curves[0]!.x, y: curves[0]!.y }
    })
    expect(points).toEqual([
      { caption: 'test accuracy by seconds', x: [75], y: [0.975] },
      { caption: 'test accuracy by bytes sent by all peers', x: [2.02e6], y: [0.975] },
      { caption: 'test accuracy by optimiser steps', x: [20], y: [0.975] },
      { caption: 'training loss by seconds', x: [40, 75], y: [1, 0.1] },
      { caption: 'training loss by bytes sent by all peers', x: [1e6, 2.02e6], y: [1, 0.1] },
      { caption: 'training loss by optimiser steps', x: [10, 20], y: [1, 0.1] }
    ])
  })
})
