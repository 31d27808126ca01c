import { resolveOptions } from '@peergrad/core'
import { describe, expect, test } from 'vitest'
import { figures } from '../../src/lab/figures.js'
import { matrices } from '../../src/lab/matrices.js'
import { quickSummary } from '../../src/lab/quick.js'
import { csv, html, markdown, reportOf } from '../../src/lab/report.js'
import type { FinishedRow, Row } from '../../src/lab/row.js'
import { aims, remarks, standings } from '../../src/lab/tables.js'
import { markdownTables } from '../../src/output/markdown.js'
import { attacked } from '../fixtures/attacked.js'

const ROWS: readonly Row[] = [
  attacked([0.9, 0.95], { attack: 'none', level: null }),
  attacked([0.8, 0.7]),
  attacked([0.8, 0.6], { attack: 'alie' }),
  attacked([0.9, 0.8], { attack: 'alie', seed: 2 }),
  attacked([0.5, 0.1], { byzantine: 2, declared: 2, ended: { code: 'non-finite', message: 'it diverged\nlog' } }),
  attacked([0.9, 0.3], { aggregator: 'mean', preAggregators: ['clipping:c=2', 'nnm'] }),
  attacked([0.9, 0.9], {
    attack: 'equivocation',
    level: 'protocol',
    standing: { held: false, why: 'two did not end', delayed: 2, wasted: 2_000_000, exclusion: 3 }
  })
]
const { status: _status, ...FACTS } = attacked([])
const REFUSED: Row = { ...FACTS, name: 'a|b', status: 'refused', code: 'argument', reason: 'too few peers' }
const STOPPED: Row = { ...FACTS, name: 'later', status: 'stopped' }
const OPTIONS = { model: 'mlp', rounds: 20, momentum: 0.5, 'weight-decay': 0.01, 'worker-momentum': 0.9 }
const reported = (rows: readonly Row[]) =>
  reportOf(
    { mode: 'simulation', options: resolveOptions({ flags: OPTIONS }).options, rows },
    { args: ['attack', '--attacks', 'a;b'], now: new Date('2026-01-31T12:00:00Z') }
  )

describe('heat maps', () => {
  test('show the worst attack of the means over the seeds, the best and the last evaluation', () => {
    const [best, last, each] = matrices(ROWS)
    expect(best).toMatchObject({
      heading: 'spirt, iid: worst of the attacks, best evaluation',
      columns: ['', 'f = 1', 'f = 2'],
      rows: [
        ['median', '80.00 %', '50.00 %'],
        ['clipping:c=2 → nnm → mean', '90.00 %', '–']
      ],
      heat: [
        [0.8, 0.5],
        [0.9, null]
      ]
    })
    expect(last!.rows).toEqual([
      ['median', '70.00 %', '10.00 %'],
      ['clipping:c=2 → nnm → mean', '30.00 %', '–']
    ])
    expect(each!.rows.map(([name, f1]) => [name, f1])).toEqual([
      ['median, none', '95.00 %'],
      ['median, sign-flip', '70.00 %'],
      ['median, alie', '70.00 %'],
      ['clipping:c=2 → nnm → mean, sign-flip', '30.00 %'],
      ['median, equivocation', '90.00 %']
    ])
  })

  test('are one for each partition and whatever else varies', () => {
    const rows = [attacked([0.5]), attacked([0.5], { partition: 'shards' }), attacked([0.5], { others: { batch: 25 } })]
    expect(matrices(rows).map(({ heading }) => heading.split(':')[0])).toEqual([
      ...['spirt, iid', 'spirt, iid', 'spirt, shards', 'spirt, shards', 'spirt, iid, batch 25', 'spirt, iid, batch 25']
    ])
  })

  test('have no worst where an attack failed, or a seed of it was stopped', () => {
    const failed: Row = { ...FACTS, attack: 'alie', status: 'failed', code: 'crashed', reason: 'a fuse blew' }
    expect(matrices([attacked([0.9]), failed])[0]!.rows).toEqual([['median', '–']])
    const stopped: Row = { ...FACTS, seed: 2, status: 'stopped' }
    expect(matrices([attacked([0.9]), stopped])[0]!.rows).toEqual([['median', '–']])
    // one that cannot be is none of them
    expect(matrices([attacked([0.9]), { ...REFUSED, attack: 'alie' }])[0]!.rows).toEqual([['median', '90.00 %']])
  })

  test('of the run without an attack, when there is no other', () => {
    expect(matrices([attacked([0.9], { attack: 'none' })])[0]!.rows).toEqual([['median', '90.00 %']])
    expect(matrices([REFUSED])).toEqual([])
  })
})

test('attacks on payload and protocol say whether it held', () => {
  expect(standings(ROWS)).toMatchObject([
    { rows: [['equivocation', 'median', '1', 'no', '2', '2.0 MB', '3', 'two did not end']] }
  ])
  expect(standings(ROWS.slice(0, 3))).toEqual([])
})

test.each([
  ['payload and protocol', standings],
  ['attacks with an aim', aims]
])('%s: rows that differ in the seed or the declared f alone are told apart', (_, tables) => {
  const row = (more: Partial<FinishedRow>) => attacked([0.9], { level: 'protocol', success: 0.5, ...more })
  const [same] = tables([row({})])
  expect(same!.columns.slice(0, 4)).toEqual(['attack', 'rule', 'f', expect.not.stringMatching('declared')])
  const [seeds] = tables([row({}), row({ seed: 2 })])
  expect(seeds!.columns.slice(2, 4)).toEqual(['f', 'seed'])
  expect(seeds!.rows.map((cells) => cells[3])).toEqual(['1', '2'])
  const [declared] = tables([row({}), row({ declared: 0 })])
  expect(declared!.columns.slice(2, 4)).toEqual(['f', 'declared'])
  expect(declared!.rows.map((cells) => cells[3])).toEqual(['1', '0'])
})

test('what has no number is remarked, the same reason once', () => {
  expect(remarks([...ROWS, REFUSED, { ...REFUSED, name: 'c' }, STOPPED])).toEqual([
    'cell ended after 20 rounds: it diverged',
    'a|b and 1 more refused: too few peers',
    'later stopped or not begun; the same command goes on with it'
  ])
})

test('CSV has a line for each cell with every column', () => {
  const [head, ...lines] = csv({ cells: [...ROWS, REFUSED] })
    .trimEnd()
    .split('\r\n')
  const columns = head!.split(',')
  expect(lines).toHaveLength(8)
  const values = Object.fromEntries(lines[5]!.split(',').map((value, index) => [columns[index], value]))
  expect(values).toMatchObject({
    preAggregators: 'clipping:c=2 nnm',
    aggregator: 'mean',
    best: '0.9',
    last: '0.3',
    held: 'true',
    roundsToExclusion: ''
  })
  expect(lines[7]).toContain('refused,too few peers,,')
})

test('Markdown has the tables under the command', () => {
  const text = markdown(reported([...ROWS, REFUSED]))
  expect(text).toMatch(/^# Attacks on mlp on mnist, simulated: 20 rounds, .*\n\n {4}peergrad attack --attacks 'a;b'\n/)
  expect(markdownTables(text).map(({ rows }) => rows.length)).toEqual([2, 2, 5, 1])
  expect(text).toContain('- a\\|b refused: too few peers')
})

test('rounds in which the attacks play are said everywhere, and so is how honest peers train', () => {
  const rows = [attacked([0.9], { attack: 'none' }), attacked([0.8], { attackSchedule: 'start=700' })]
  const report = reported(rows)
  expect(markdown(report)).toMatch(/^# Attacks on .* at 0.003, attacks in rounds start=700\n/)
  expect(html(report)).toContain('attacks in rounds start=700')
  expect(csv(report)).toMatch(/,attackSchedule,.*\r\n.*,none,gradient,,5.*\r\n.*,sign-flip,gradient,start=700,5/)
  expect(report.run).toMatchObject({ schedule: 'constant', 'worker-momentum': 0.9, 'evaluate-every': 50 })
  expect(report.run).toMatchObject({ momentum: 0.5, 'weight-decay': 0.01 })
  const varied = rows.map((row) => ({ ...row, others: { 'attack-schedule': 'start=700' } }))
  expect(markdown(reported(varied))).not.toContain('attacks in rounds')
})

test('attacks with an aim have a table of their own, and others have none', () => {
  expect(aims([attacked([0.9])])).toEqual([])
  const [table] = aims([attacked([0.9]), attacked([0.8], { attack: 'backdoor', success: 0.75 })])
  expect(table!.rows).toEqual([['backdoor', 'median', '1', '75.00 %', '80.00 %']])
})

test('the title leaves out what the grid varies, and what was run elsewhere or before is said', () => {
  const varied = [16, 32].map((batch) => attacked([0.9], { others: { batch } }))
  expect(markdown(reported(varied))).toMatch(/^# Attacks on mlp on mnist, simulated: 20 rounds, adam at 0.003\n/)
  const made = (...where: (string | undefined)[]) =>
    markdown(reported(where.map((each) => attacked([0.9], each === undefined ? {} : { made: each }))))
  expect(made('here', 'here')).not.toContain('of the cells were run')
  expect(made('here', undefined)).toMatch(
    /- 1 of the cells were run: here\n- 1 of the cells were run: by an earlier version/
  )
})

test('the page colours its maps by class, draws the curves, and asks for nothing outside', () => {
  const text = html(reported([...ROWS, { ...attacked([0.1, 0.2]), aggregator: './<b>.js' }]))
  expect(text).toContain('<td class="heat heat-8">80.00 %</td>')
  expect(text).toContain('./&lt;b&gt;.js')
  const markup = text.replace(/<(script|style)[ >].*?<\/\1>/gs, '')
  expect(markup).not.toMatch(/\b(src|href|action)=|url\(|@import| style="/)
  const [f1] = figures(ROWS)
  expect(f1).toMatchObject({ caption: 'spirt, iid, f = 1: test accuracy by round' })
  expect(f1!.curves[1]).toEqual({ label: 'median, sign-flip, seed 1', x: [10, 20], y: [0.8, 0.7] })
})

test('the quick grid says up to which f a rule survives, and where it breaks', () => {
  const rows = [1, 2, 3].flatMap((f) => [
    attacked([0.9], { attack: 'none', byzantine: f }),
    attacked([0.88], { attack: 'ipm', byzantine: f }),
    attacked([f === 2 ? 0.2 : 0.85], { byzantine: f })
  ])
  const text = quickSummary([...rows, REFUSED])
  expect(text).toMatch(/median +ipm +90.00 % +3 +–\n/)
  expect(text).toMatch(/median +sign-flip +90.00 % +1 +f = 2, 20.00 % of 90.00 %\n/)
  expect(text).toContain('a|b: refused: too few peers')
  expect(quickSummary([...rows, { ...REFUSED, status: 'stopped' }])).toContain('a|b: not run to its end')
})

test('the quick grid has no rule survive a run that ended early or whose peers disagree', () => {
  const standing = {
    held: false,
    why: 'aggregator mine threw: no luck\nat line 3',
    delayed: 0,
    wasted: 0,
    exclusion: null
  }
  const rows = [attacked([0.9], { attack: 'none' }), attacked([0.88], { rounds: 17, standing })]
  expect(quickSummary(rows)).toMatch(/median +sign-flip +90.00 % +0 +f = 1, round 17: aggregator mine threw: no luck\n/)
})

test('the quick grid does not praise a rule that does not train without an attack either', () => {
  const pair = (byzantine: number, accuracy: number) => [
    attacked([accuracy], { attack: 'none', byzantine, chance: 0.1 }),
    attacked([accuracy], { byzantine, chance: 0.1 })
  ]
  const never = quickSummary([...pair(1, 0.105), ...pair(2, 0.105)])
  expect(never).toMatch(/median +sign-flip +10.50 % +– +f = 1: does not train, 10.50 % .* guessing has 10.00 %\n/)
  const later = quickSummary([...pair(1, 0.9), ...pair(2, 0.1)])
  expect(later).toMatch(/median +sign-flip +50.00 % +1 +f = 2: does not train/)
})

test('the quick grid goes from few hostile peers to many, for each partition by itself, and says what it cannot know', () => {
  const rows = [2, 1].flatMap((f) => [
    attacked([0.9], { attack: 'none', byzantine: f }),
    attacked([f === 2 ? 0.2 : 0.85], { byzantine: f }),
    attacked([0.5], { attack: 'none', byzantine: f, partition: 'shards' }),
    attacked([0.49], { byzantine: f, partition: 'shards' })
  ])
  const text = quickSummary(rows)
  expect(text).toMatch(/median \(spirt, iid\) +sign-flip +90.00 % +1 +f = 2, 20.00 % of 90.00 %\n/)
  expect(text).toMatch(/median \(spirt, shards\) +sign-flip +50.00 % +2 +–\n/)
  expect(quickSummary([attacked([0.8])])).toMatch(
    /median +sign-flip +– +– +not known: f = 1 has no run without an attack/
  )
})
