/** Draws the curves of compare.html with uPlot, which stands in the script before this one. */
'use strict'
;(() => {
  const HEIGHT = 260
  // Okabe and Ito's colours, which the colour-blind can tell apart, darker on light and lighter on dark
  const COLOURS = {
    light: ['#0072b2', '#d55e00', '#009e73', '#b0508a', '#8a6d00', '#56608f'],
    dark: ['#56b4e9', '#ff8c42', '#2fd3a2', '#e69ac6', '#f0d64a', '#aab4e8']
  }
  const DASHES = [[], [8, 4], [2, 3]]
  const X = [
    { key: 'seconds', label: 'seconds', show: number },
    { key: 'bytes', label: 'bytes sent by all peers', show: bytes },
    { key: 'steps', label: 'optimiser steps', show: number }
  ]
  const Y = [
    { key: 'accuracy', of: 'evaluations', label: 'test accuracy', show: percent, points: true },
    { key: 'loss', of: 'rounds', label: 'training loss', show: (value) => value.toPrecision(3), points: false }
  ]

  const curves = JSON.parse(document.getElementById('curves').textContent)
  const section = document.getElementById('charts')
  const dark = matchMedia('(prefers-color-scheme: dark)')
  let drawn = []

  dark.addEventListener('change', draw)
  new ResizeObserver(() => {
    for (const { chart, figure } of drawn) chart.setSize({ width: figure.clientWidth, height: HEIGHT })
  }).observe(section)
  draw()

  function draw() {
    for (const { chart } of drawn) chart.destroy()
    section.replaceChildren()
    drawn = Y.flatMap((y) => X.map((x) => figureOf(x, y)))
  }

  function figureOf(x, y) {
    const figure = document.createElement('figure')
    const caption = document.createElement('figcaption')
    caption.textContent = `${y.label} by ${x.label}`
    figure.append(caption)
    section.append(figure)
    const style = getComputedStyle(document.body)
    const axis = { stroke: style.color, grid: { stroke: style.getPropertyValue('--grid'), width: 1 } }
    const options = {
      width: figure.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false } },
      cursor: { drag: { x: true, y: true } },
      axes: [
        { ...axis, values: (_, splits) => splits.map(x.show) },
        { ...axis, size: 60, values: (_, splits) => splits.map(y.show) }
      ],
      series: [
        { label: x.label, value: (_, value) => shown(value, x.show) },
        ...curves.map((curve, i) => line(curve, i, y))
      ]
    }
    // the strategies have different values of x
    const data = uPlot.join(curves.map((curve) => [curve[y.of][x.key], curve[y.of][y.key]]))
    return { chart: new uPlot(options, data, figure), figure }
  }

  function line({ strategy }, index, { show, points }) {
    const colours = dark.matches ? COLOURS.dark : COLOURS.light
    return {
      label: strategy,
      stroke: colours[index % colours.length],
      dash: DASHES[Math.floor(index / colours.length) % DASHES.length],
      width: 2,
      spanGaps: true,
      points: { show: points, size: 5 },
      value: (_, value) => shown(value, show)
    }
  }

  function shown(value, show) {
    return value === null || value === undefined ? '–' : show(value)
  }

  function number(value) {
    return value.toLocaleString('en', { maximumFractionDigits: 1 })
  }

  function percent(value) {
    return `${(value * 100).toLocaleString('en', { maximumFractionDigits: 2 })} %`
  }

  function bytes(value) {
    const unit = Math.min(4, Math.floor(Math.log10(Math.max(1, value)) / 3))
    const scaled = (value / 1000 ** unit).toLocaleString('en', { maximumFractionDigits: 1 })
    return `${scaled} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`
  }
})()
