/** Draws the figures of a report with uPlot, which stands in the script before this one. */
'use strict'
;(() => {
  const HEIGHT = 260
  // Okabe and Ito's colours, which the colour-blind can tell apart, darker on light and lighter on dark
  const COLOURS = {
    light: ['#0072b2', '#d55e00', '#009e73', '#b0508a', '#8a6d00', '#56608f'],
    dark: ['#56b4e9', '#ff8c42', '#2fd3a2', '#e69ac6', '#f0d64a', '#aab4e8']
  }
  const DASHES = [[], [8, 4], [2, 3]]
  const SHOW = { number, bytes, share, loss: (value) => value.toPrecision(3) }

  const figures = JSON.parse(document.getElementById('figures').textContent)
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
    drawn = figures.map(drawFigure)
  }

  function drawFigure({ caption, x, y, points, curves }) {
    const figure = document.createElement('figure')
    const heading = document.createElement('figcaption')
    heading.textContent = caption
    figure.append(heading)
    section.append(figure)
    const style = getComputedStyle(document.body)
    const axis = { stroke: style.color, grid: { stroke: style.getPropertyValue('--grid'), width: 1 } }
    const options = {
      width: figure.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false }, y: y.unit === 'share' ? { range: (_, least, most) => shares(least, most) } : {} },
      cursor: { drag: { x: true, y: true } },
      axes: [
        { ...axis, values: (_, splits) => splits.map(SHOW[x.unit]) },
        { ...axis, size: 60, values: (_, splits) => splits.map(SHOW[y.unit]) }
      ],
      series: [
        { label: x.label, value: (_, value) => shown(value, SHOW[x.unit]) },
        ...curves.map((curve, index) => line(curve, index, SHOW[y.unit], points))
      ]
    }
    // curves have different values of x
    const data = uPlot.join(curves.map((curve) => [curve.x, curve.y]))
    return { chart: new uPlot(options, data, figure), figure }
  }

  function line({ label }, index, show, points) {
    const colours = dark.matches ? COLOURS.dark : COLOURS.light
    return {
      label,
      stroke: colours[index % colours.length],
      dash: DASHES[Math.floor(index / colours.length) % DASHES.length],
      width: 2,
      spanGaps: true,
      points: { show: points, size: 5 },
      value: (_, value) => shown(value, show)
    }
  }

  /** Around the curves; none is above the whole, which uPlot's own range of a flat one would show. */
  function shares(least, most) {
    const room = (most - least) / 10 || 0.1
    return [Math.max(0, least - room), Math.min(1, most + room)]
  }

  function shown(value, show) {
    return value === null || value === undefined ? '–' : show(value)
  }

  function number(value) {
    return value.toLocaleString('en', { maximumFractionDigits: 1 })
  }

  function share(value) {
    return `${(value * 100).toLocaleString('en', { maximumFractionDigits: 2 })} %`
  }

  function bytes(value) {
    const unit = Math.min(4, Math.floor(Math.log10(Math.max(1, value)) / 3))
    const scaled = (value / 1000 ** unit).toLocaleString('en', { maximumFractionDigits: 1 })
    return `${scaled} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`
  }
})()
